import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { OffsetQuestion } from "../../runtime/kafka_offsets.ts";
import { OFFSET_AT } from "../../runtime/kafka_cluster.ts";
import type { UnreadFinder } from "./first_unread.ts";
import { lookAt } from "./look.ts";

const NOW_MS = 1_700_000_000_000;

/** Two partitions of one topic, from offset 5 to 10. */
const lookup = {
  partitions: (topic: string) => Promise.resolve(topic === "ticks" ? 2 : 0),
  ask: (questions: readonly OffsetQuestion[]) =>
    Promise.resolve(questions.map(({ timestamp_ms }) => ({
      offset: timestamp_ms === OFFSET_AT.earliest ? 5n : 10n,
      timestamp_ms: -1,
    }))),
};

function finderOf(find: UnreadFinder["find"]): UnreadFinder {
  return { find, forgetOthers: () => {} };
}

const position = (partition: number, offset: bigint, topic = "ticks") => ({
  topic,
  partition,
  offset,
});

Deno.test("a partition that can't be read does not hide the others", async () => {
  const faults: string[] = [];
  const finder = finderOf(({ partition }) =>
    partition === 0 ? Promise.reject(new Error("unreadable")) : Promise.resolve(NOW_MS - 2_500)
  );
  const options = {
    ...{ lookup, finder, now: () => NOW_MS },
    onFault: (error: unknown) => void faults.push((error as Error).message),
  };
  const [lag] = await lookAt(options, [
    { name: "g", members: 1, positions: [position(0, 7n), position(1, 8n)] },
  ]);
  deepStrictEqual(lag!.partitions, [
    { topic: "ticks", partition: 1, records: 2, seconds: 2.5, trimmed: 0 },
  ]);
  deepStrictEqual(faults, ["unreadable"]);
  strictEqual(lag!.is_partial, true);
});

Deno.test("what is behind the oldest record is told apart, and a clock ahead is no age", async () => {
  const asked: bigint[] = [];
  const finder = finderOf((_place, from) => {
    asked.push(from);
    return Promise.resolve(NOW_MS + 60_000);
  });
  const options = { lookup, finder, now: () => NOW_MS, onFault: () => {} };
  const [lag] = await lookAt(options, [
    { name: "g", members: 0, positions: [position(0, 2n), position(1, 10n), position(2, 1n)] },
  ]);
  deepStrictEqual(lag!.partitions, [
    { topic: "ticks", partition: 0, records: 5, seconds: 0, trimmed: 3 },
    { topic: "ticks", partition: 1, records: 0, seconds: 0, trimmed: 0 },
  ]);
  deepStrictEqual(asked, [5n]);
});

Deno.test("a topic without a leader does not hide the others", async () => {
  const leaderless = {
    ...lookup,
    partitions: (topic: string) =>
      topic === "away" ? Promise.reject(new Error("no leader")) : lookup.partitions(topic),
  };
  const faults: string[] = [];
  const options = {
    ...{ lookup: leaderless, now: () => NOW_MS },
    finder: finderOf(() => Promise.resolve(NOW_MS - 1_000)),
    onFault: (error: unknown) => void faults.push((error as Error).message),
  };
  const lags = await lookAt(options, [
    { name: "one", members: 1, positions: [position(0, 7n, "away"), position(1, 7n, "away")] },
    { name: "other", members: 1, positions: [position(0, 7n)] },
  ]);
  deepStrictEqual(lags.map(({ is_partial }) => is_partial), [true, false]);
  strictEqual(lags[1]!.partitions[0]!.seconds, 1);
  deepStrictEqual(faults, ["no leader"]);
});

Deno.test("a topic that is gone is left out", async () => {
  const finder = finderOf(() => Promise.reject(new Error("nothing was to be found")));
  const options = { lookup, finder, now: () => NOW_MS, onFault: () => {} };
  const [lag] = await lookAt(options, [
    { name: "g", members: 0, positions: [position(0, 1n, "gone")] },
  ]);
  strictEqual(lag!.partitions.length, 0);
});
