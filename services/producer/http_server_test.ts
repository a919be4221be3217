import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { sharedServers } from "../../infra/local/shared_servers.ts";
import { eventually, TEST_DEADLINE_MS } from "../../infra/testing/test_service.ts";
import { readTicks, withEmptyTopics, withProducer } from "./test_producer.ts";
import { receiptsDiffer } from "./test_receipts.ts";

const servers = sharedServers({ kafka: true });

const ENVIRONMENT = { TAPELINE_SOURCE: "http", TAPELINE_HTTP_CONFIRM_DEADLINE_MS: "60000" };

interface Answer {
  status: number;
  ids: string[];
}

/** Posts some ticks, each told apart by its trade_id. */
async function post(url: string, ids: readonly string[]): Promise<Answer> {
  const response = await fetch(`${url}/ticks`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(
      ids.map((trade_id, at) => ({
        symbol: `S${at}`,
        price: 1.5,
        volume: 2,
        timestamp: 1_700_000_000_000,
        trade_id,
      })),
    ),
    signal: AbortSignal.timeout(TEST_DEADLINE_MS),
  });
  await response.body?.cancel();
  return { status: response.status, ids: [...ids] };
}

Deno.test("what HTTP accepted while the broker went away and came back is in Kafka once", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap, kafka }) => {
    const answers: Answer[] = [];
    await withProducer(bootstrap, ENVIRONMENT, async (producer) => {
      const url = await producer.httpUrl();
      await producer.ready();
      const stop = new AbortController();
      const client = async (name: number): Promise<void> => {
        for (let request = 0; !stop.signal.aborted; request++) {
          const ids = Array.from({ length: 7 }, (_, at) => `${name}/${request}/${at}`);
          answers.push(await post(url, ids));
        }
      };
      const clients = [1, 2, 3, 4].map(client);
      const answered = async (count: number): Promise<void> => {
        while (answers.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
      };
      await answered(40);
      await kafka.kill();
      const before = answers.length;
      await kafka.restart();
      await answered(before + 40);
      stop.abort();
      await Promise.all(clients);
      strictEqual(await producer.stop(), 0);
    });
    deepStrictEqual([...new Set(answers.map(({ status }) => status))], [202]);
    const content = await readTicks(bootstrap);
    const stored = content.ticks.map(({ tick }) => tick.trade_id!).sort();
    deepStrictEqual(stored, answers.flatMap(({ ids }) => ids).sort());
    deepStrictEqual(receiptsDiffer(content), []);
  });
});

Deno.test("a producer to which nobody sends says that Kafka is away, and that it is back", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap, kafka }) => {
    await withProducer(bootstrap, ENVIRONMENT, async (producer) => {
      strictEqual((await post(await producer.httpUrl(), ["a"])).status, 202);
      // Nothing of its own is under way any more once the receipt is there.
      await eventually(
        async () => receiptsDiffer(await readTicks(bootstrap)).length === 0,
        "the receipt",
      );
      await kafka.kill();
      const url = await producer.operationsUrl();
      const readiness = async () => await (await fetch(`${url}/ready`)).json();
      await eventually(async () => !(await readiness()).ready, "the producer not to be ready");
      match((await readiness()).reasons[0], /Kafka can't be reached/);
      await kafka.restart();
      await producer.ready();
      strictEqual(await producer.stop(), 0);
    });
  });
});

Deno.test("a stop while Kafka is away says how much is not confirmed", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap, kafka }) => {
    const environment = { ...ENVIRONMENT, TAPELINE_SHUTDOWN_DEADLINE_MS: "500" };
    await withProducer(bootstrap, environment, async (producer) => {
      const url = await producer.httpUrl();
      await producer.ready();
      await kafka.kill();
      const unanswered = post(url, ["a", "b", "c"]).then(() => false, () => true);
      await eventually(
        async () => (await producer.metrics()).includes('received_total{from="http"'),
        "the request to be taken",
      );
      strictEqual(await producer.stop(), 1);
      ok(await unanswered, "no answer must come for what Kafka has not got");
      match((await producer.line(({ event }) => event === "unfinished")).message, /^3 ticks/);
    });
  });
});

Deno.test("while the broker is away the queue fills, and then it is 429", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap, kafka }) => {
    const environment = { ...ENVIRONMENT, TAPELINE_QUEUE_TICKS: "100", TAPELINE_BATCH_TICKS: "50" };
    await withProducer(bootstrap, environment, async (producer) => {
      const url = await producer.httpUrl();
      strictEqual((await post(url, ["first"])).status, 202);
      await kafka.kill();
      const requests = Array.from(
        { length: 40 },
        (_, request) => post(url, Array.from({ length: 10 }, (_, at) => `${request}/${at}`)),
      );
      const first = await Promise.race(requests);
      strictEqual(first.status, 429);
      await kafka.restart();
      const answers = await Promise.all(requests);
      const accepted = answers.filter(({ status }) => status === 202).flatMap(({ ids }) => ids);
      const refused = answers.filter(({ status }) => status === 429).flatMap(({ ids }) => ids);
      strictEqual(accepted.length + refused.length, 400);
      ok(accepted.length >= 100 && refused.length >= 200, `${accepted.length} accepted`);
      strictEqual(await producer.stop(), 0);
      const { ticks } = await readTicks(bootstrap);
      deepStrictEqual(
        ticks.map(({ tick }) => tick.trade_id!).sort(),
        ["first", ...accepted].sort(),
      );
    });
  });
});

Deno.test("a caller's marker is behind its ticks in every partition", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap }) => {
    await withProducer(bootstrap, ENVIRONMENT, async (producer) => {
      const url = await producer.httpUrl();
      await post(url, Array.from({ length: 30 }, (_, at) => String(at)));
      const response = await fetch(`${url}/markers`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ event_time: 1_700_000_000_001 }),
      });
      strictEqual(response.status, 202);
      await response.body?.cancel();
      const { ticks, markers } = await readTicks(bootstrap);
      const told = markers.filter(({ marker }) => marker.event_time === 1_700_000_000_001);
      deepStrictEqual(told.map(({ partition }) => partition), [0, 1, 2]);
      for (const { tick, partition, record } of ticks) {
        ok(Number(record.offset) < Number(told[partition]!.record.offset), tick.symbol);
      }
      strictEqual(await producer.stop(), 0);
    });
  });
});
