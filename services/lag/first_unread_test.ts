import { rejects, strictEqual } from "node:assert/strict";
import type { ReadBatch } from "../../runtime/kafka_reader.ts";
import { createUnreadFinder } from "./first_unread.ts";

const PLACE = { topic: "ticks", partition: 0 };
const NOW_MS = 1_700_000_000_000;

/** A log of records by offset; what is missing is markers and aborted records. */
function logOf(timestamps: { [offset: number]: number }, page = 2) {
  const fetched: bigint[] = [];
  return {
    fetched,
    fetch(_topic: string, _partition: number, offset: bigint): Promise<ReadBatch> {
      fetched.push(offset);
      const offsets = Array.from({ length: page }, (_, at) => offset + BigInt(at));
      const records = offsets.filter((each) => timestamps[Number(each)] !== undefined)
        .map((each) => ({ timestamp: String(timestamps[Number(each)]) }));
      return Promise.resolve({
        records: records as never,
        next_offset: offset + BigInt(page),
        last_stable_offset: 100n,
      });
    },
  };
}

const noLookup = { ask: () => Promise.reject(new Error("nothing was to be asked")) };

Deno.test("the first record past markers is found, and found once", async () => {
  const log = logOf({ 5: NOW_MS - 7_000 });
  const finder = createUnreadFinder(log, noLookup, () => NOW_MS);
  for (let look = 0; look < 3; look++) {
    strictEqual(await finder.find(PLACE, 2n, 10n), NOW_MS - 7_000);
    finder.forgetOthers();
  }
  strictEqual(log.fetched.join(), "2,4");
});

Deno.test("an end of nothing but markers is idle, and looked at on only where it grows", async () => {
  const timestamps: { [offset: number]: number } = {};
  const log = logOf(timestamps);
  const finder = createUnreadFinder(log, noLookup, () => NOW_MS);
  strictEqual(await finder.find(PLACE, 2n, 4n), null);
  finder.forgetOthers();
  strictEqual(await finder.find(PLACE, 2n, 4n), null);
  strictEqual(log.fetched.join(), "2");
  timestamps[5] = NOW_MS;
  finder.forgetOthers();
  strictEqual(await finder.find(PLACE, 2n, 6n), NOW_MS);
  strictEqual(log.fetched.join(), "2,4");
});

Deno.test("an offset that nobody asks for any more is forgotten", async () => {
  const log = logOf({ 2: NOW_MS });
  const finder = createUnreadFinder(log, noLookup, () => NOW_MS);
  await finder.find(PLACE, 2n, 4n);
  finder.forgetOthers();
  finder.forgetOthers();
  await finder.find(PLACE, 2n, 4n);
  strictEqual(log.fetched.length, 2);
});

Deno.test("what can't be unpacked is asked for by time; what can't be reached is said", async () => {
  const broken = (error: Error) => ({ fetch: () => Promise.reject(error) });
  const lz4 = Object.assign(new Error("LZ4 compression not implemented"), {
    name: "KafkaJSNotImplemented",
  });
  const asked: number[] = [];
  const lookup = {
    ask: ([question]: readonly { timestamp_ms: number }[]) => {
      asked.push(question!.timestamp_ms);
      const is_older = question!.timestamp_ms <= NOW_MS - 3_000;
      return Promise.resolve([is_older ? { offset: 2n, timestamp_ms: NOW_MS - 3_000 } : null]);
    },
  };
  const finder = createUnreadFinder(broken(lz4), lookup, () => NOW_MS);
  strictEqual(await finder.find(PLACE, 2n, 4n), NOW_MS - 3_000);
  const away = createUnreadFinder(broken(new Error("Kafka is away")), lookup, () => NOW_MS);
  await rejects(away.find(PLACE, 2n, 4n), /away/);
});

Deno.test("a long run of what nobody reads is not known, until it has been read", async () => {
  const log = logOf({ 90: NOW_MS - 5_000 });
  const finder = createUnreadFinder(log, noLookup, () => NOW_MS);
  await rejects(finder.find(PLACE, 2n, 100n), /No record from offset 2 to 42; looking on/);
  finder.forgetOthers();
  await rejects(finder.find(PLACE, 2n, 100n), /to 82/);
  finder.forgetOthers();
  strictEqual(await finder.find(PLACE, 2n, 100n), NOW_MS - 5_000);
});
