import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { withServers } from "../../infra/local/test_servers.ts";
import { makeTopics, readTicks, withProducer } from "./test_producer.ts";
import { receiptsDiffer } from "./test_receipts.ts";

const OUTAGE_MS = 60_000;
const REQUEST_INTERVAL_MS = 100;
/** An answer comes when Kafka is back, and must be there before the test's 90 s are over. */
const ANSWER_DEADLINE_MS = 80_000;

/** Posts ticks that are told apart by their trade_id, and gives the status. */
async function post(url: string, ids: readonly string[]): Promise<number> {
  const response = await fetch(`${url}/ticks`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(ids.map((trade_id, at) => ({
      symbol: `S${at}`,
      price: 1.5,
      volume: 2,
      timestamp: 1_700_000_000_000,
      trade_id,
    }))),
    signal: AbortSignal.timeout(ANSWER_DEADLINE_MS),
  });
  await response.body?.cancel();
  return response.status;
}

Deno.test("the broker away for a minute: everything accepted meanwhile is in Kafka once", async () => {
  await withServers({ kafka: true }, async ({ bootstrap, kafka }) => {
    await makeTopics(bootstrap);
    const environment = {
      TAPELINE_SOURCE: "http",
      TAPELINE_HTTP_CONFIRM_DEADLINE_MS: String(ANSWER_DEADLINE_MS),
    };
    const posted: string[] = [];
    await withProducer(bootstrap, environment, async (producer) => {
      const url = await producer.httpUrl();
      const answers: Promise<number>[] = [];
      const postSome = (): Promise<number> => {
        const ids = Array.from({ length: 7 }, (_, at) => `${answers.length}/${at}`);
        posted.push(...ids);
        const answer = post(url, ids);
        answers.push(answer);
        return answer;
      };
      strictEqual(await postSome(), 202);
      await kafka.kill();
      let answered_while_away = 0;
      // The minute itself is what is tested, so that here a test waits for the clock; ticks go on
      // coming in all the while.
      for (const back_at = Date.now() + OUTAGE_MS; Date.now() < back_at;) {
        postSome().then(() => answered_while_away++, () => answered_while_away++);
        await new Promise((resolve) => setTimeout(resolve, REQUEST_INTERVAL_MS));
      }
      strictEqual(answered_while_away, 0, "an answer while there was no broker");
      ok(answers.length > 100, `only ${answers.length} requests`);
      const ready = await fetch(`${await producer.operationsUrl()}/ready`);
      strictEqual(ready.status, 503, await ready.text());
      await kafka.restart();
      deepStrictEqual([...new Set(await Promise.all(answers))], [202]);
      strictEqual(await producer.stop(), 0);
    });
    const content = await readTicks(bootstrap);
    deepStrictEqual(content.ticks.map(({ tick }) => tick.trade_id!).sort(), posted.sort());
    deepStrictEqual(receiptsDiffer(content), []);
  });
});
