import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { DEFAULT_TOPIC_NAMES } from "../../contract/topics.ts";
import { readDeadLetter } from "../../runtime/dead_letters.ts";
import { sharedServers } from "../../infra/local/shared_servers.ts";
import { BAD_INPUTS, type BadInput, badObject } from "./test_bad_inputs.ts";
import { eventually } from "../../infra/testing/test_service.ts";
import { readTicks, readTopic, withEmptyTopics, withProducer } from "./test_producer.ts";
import { withFeedServer } from "./sources/test_feed.ts";

const servers = sharedServers({ kafka: true });

const NAMES = { symbol: "symbol", price: "price", volume: "volume", timestamp: "timestamp" };
const FINNHUB_NAMES = { symbol: "s", price: "p", volume: "v", timestamp: "t" };

const bytesOf = (content: string | Uint8Array): Uint8Array =>
  typeof content === "string" ? new TextEncoder().encode(content) : content;

/** The dead letters in the topic, by the line or frame that they came from. */
async function lettersByLine(
  bootstrap: string,
): Promise<Map<number, ReturnType<typeof readDeadLetter>>> {
  const records = await readTopic(bootstrap, DEFAULT_TOPIC_NAMES.dead_letters);
  return new Map(records.map(({ record }) => {
    const letter = readDeadLetter(record);
    ok(letter.origin && "line" in letter.origin, "a dead letter without its line");
    return [letter.origin.line, letter];
  }));
}

/** Timestamps of the good ticks that are in Kafka, in order. */
async function goodTicks(bootstrap: string): Promise<number[]> {
  const { ticks } = await readTicks(bootstrap);
  ok(ticks.every(({ tick }) => tick.symbol === "GOOD"), "a bad tick is in Kafka");
  return ticks.map(({ tick }) => tick.timestamp);
}

function assertLetter(
  letter: ReturnType<typeof readDeadLetter> | undefined,
  bad: BadInput,
  bytes: Uint8Array,
): void {
  ok(letter, `${bad.what}: no dead letter`);
  strictEqual(letter.stage, "producer", bad.what);
  strictEqual(letter.reason, bad.reason, `${bad.what}: ${letter.message}`);
  const value = Buffer.from(letter.value!);
  if (letter.cut_from_bytes === null) {
    ok(value.equals(bytes), `${bad.what}: other bytes than came in`);
  } else {
    strictEqual(letter.cut_from_bytes, bytes.length, bad.what);
    ok(value.equals(bytes.subarray(0, value.length)), `${bad.what}: another head`);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    strictEqual(String(letter.headers["tapeline-value-sha256"]), sha256, bad.what);
  }
}

Deno.test("the table has at least 40 bad inputs", () => ok(BAD_INPUTS.length >= 40));

Deno.test("each bad line of a file is reported with its number, the good ones are stored", async () => {
  const cases = BAD_INPUTS.filter((bad) => bad.row !== undefined);
  await withEmptyTopics(servers(), async ({ bootstrap, data_dir }) => {
    const parts = ["\ufeffsymbol,timestamp,price,volume,trade_id,price_forming\r\n"].map(bytesOf);
    cases.forEach((bad, at) => {
      parts.push(bytesOf(`GOOD,${at},1,1,,\r\n`), bytesOf(bad.row!), bytesOf("\r\n"));
    });
    parts.push(bytesOf(`GOOD,${cases.length},1,1,,`));
    const file = `${data_dir}/bad.csv`;
    await Deno.writeFile(file, Buffer.concat(parts));
    await withProducer(bootstrap, {
      TAPELINE_SOURCE: "replay",
      TAPELINE_REPLAY_FILE: file,
      TAPELINE_REPLAY_SPEED: "max",
    }, async (producer) => strictEqual(await producer.ended(), 0));
    deepStrictEqual(await goodTicks(bootstrap), [...Array(cases.length + 1).keys()]);
    const letters = await lettersByLine(bootstrap);
    strictEqual(letters.size, cases.length);
    cases.forEach((bad, at) => {
      const line = 3 + 2 * at;
      // A line too long to keep is hashed as it stands, with the CR of its line end.
      const bytes = bad.reason === "too_large" ? bytesOf(`${bad.row}\r`) : bytesOf(bad.row!);
      assertLetter(letters.get(line), bad, bytes);
      ok(letters.get(line)!.message.includes(`line ${line}`), bad.what);
    });
  });
});

Deno.test("each bad tick over HTTP is named with its reason, the good ones are stored", async () => {
  const cases = BAD_INPUTS.filter((bad) => bad.json ?? bad.body);
  await withEmptyTopics(servers(), async ({ bootstrap }) => {
    await withProducer(bootstrap, {
      TAPELINE_SOURCE: "http",
      TAPELINE_HTTP_BODY_BYTES_MAX: "4000000",
    }, async (producer) => {
      const url = await producer.httpUrl();
      const post = async (type: string, body: Uint8Array): Promise<Response> =>
        await fetch(`${url}/ticks`, {
          method: "POST",
          headers: { "content-type": type },
          body: new Uint8Array(body),
        });
      for (const [at, bad] of cases.entries()) {
        const good = `{"symbol":"GOOD","price":1,"volume":1,"timestamp":${at}}`;
        const input = bytesOf(bad.body ?? badObject(bad, NAMES));
        const body = Buffer.concat([bytesOf(`${good}\n`), input, bytesOf("\n")]);
        const response = await post("application/x-ndjson", body);
        strictEqual(response.status, 400, bad.what);
        const { accepted, refused } = await response.json();
        strictEqual(accepted, 1, bad.what);
        deepStrictEqual(
          refused.map((each: { index: number; reason: string }) => [each.index, each.reason]),
          [[1, bad.reason]],
          bad.what,
        );
        ok(refused[0].message.length > 10, bad.what);
        // Alone, as the whole body, it is refused for the same reason.
        const alone = await post("application/json", input);
        strictEqual(alone.status, 400, bad.what);
        strictEqual((await alone.json()).refused[0].reason, bad.reason, bad.what);
      }
      for (
        const [what, body, reason] of [
          ["an array in an array", "[[]]", "not_an_object"],
          ["a text", '["AAPL"]', "not_an_object"],
          ["null", "null", "not_an_object"],
          ["an empty body", "", "empty_value"],
          ["prototype keys", '{"__proto__":{"symbol":"GOOD","price":1}}', "symbol_invalid"],
        ] as const
      ) {
        const response = await post("application/json", bytesOf(body));
        strictEqual(response.status, 400, what);
        strictEqual((await response.json()).refused[0].reason, reason, what);
      }
      strictEqual(await producer.stop(), 0);
    });
    deepStrictEqual(await goodTicks(bootstrap), [...cases.keys()]);
  });
});

Deno.test("each bad frame of a feed is a dead letter as it came, the good ones are stored", async () => {
  const cases = BAD_INPUTS.filter((bad) => bad.json ?? bad.body);
  await withEmptyTopics(servers(), async ({ bootstrap }) => {
    await withFeedServer(async (feed) => {
      await withProducer(bootstrap, {
        TAPELINE_SOURCE: "finnhub",
        TAPELINE_FINNHUB_URL: feed.url,
        FINNHUB_API_KEY: "key",
        STOCK_SYMBOLS: "GOOD",
      }, async (producer) => {
        await feed.connected(1, 1);
        const sent = cases.map((bad, at) => {
          const good = `{"s":"GOOD","p":1,"v":1,"t":${at}}`;
          const object = badObject(bad, FINNHUB_NAMES);
          // A body that is no object stands as a frame of its own, after a good one.
          if (bad.body !== undefined) feed.send(`{"type":"trade","data":[${good}]}`);
          const frame = bad.body ?? `{"type":"trade","data":[${good},${object}]}`;
          feed.send(frame);
          return frame;
        });
        feed.send(`{"type":"trade","data":[{"s":"GOOD","p":1,"v":1,"t":${cases.length}}]}`);
        await eventually(
          async () => (await goodTicks(bootstrap)).includes(cases.length),
          "the last good tick",
        );
        strictEqual(await producer.stop(), 0);
        const letters = [...(await lettersByLine(bootstrap)).values()];
        strictEqual(letters.length, cases.length);
        cases.forEach((bad, at) => assertLetter(letters[at], bad, bytesOf(sent[at]!)));
      });
      // A frame that is no JSON takes the trades beside it along: nothing in it can be read.
      const unread = cases.flatMap((bad, at) => bad.json && bad.reason === "not_json" ? [at] : []);
      deepStrictEqual(
        await goodTicks(bootstrap),
        [...Array(cases.length + 1).keys()].filter((at) => !unread.includes(at)),
      );
    });
  });
});

Deno.test("a file of mostly bad lines does not end the producer: each line is a dead letter", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap, data_dir }) => {
    const count = 30_000;
    const rows = Array.from(
      { length: count },
      (_, at) => at % 3_000 === 0 ? `GOOD,${at},1,1,,` : `BAD,${at},,1,,`,
    );
    const file = `${data_dir}/bad.csv`;
    const header = "symbol,timestamp,price,volume,trade_id,price_forming";
    await Deno.writeTextFile(file, [header, ...rows, ""].join("\n"));
    const environment = {
      TAPELINE_SOURCE: "replay",
      TAPELINE_REPLAY_FILE: file,
      TAPELINE_REPLAY_SPEED: "max",
    };
    await withProducer(bootstrap, environment, async (producer) => {
      strictEqual(await producer.ended(), 0);
    });
    deepStrictEqual(await goodTicks(bootstrap), Array.from({ length: 10 }, (_, at) => at * 3_000));
    const letters = await readTopic(bootstrap, DEFAULT_TOPIC_NAMES.dead_letters);
    strictEqual(letters.length, count - 10);
    strictEqual((await lettersByLine(bootstrap)).size, count - 10);
  });
});
