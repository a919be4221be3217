import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  aggregatorMinutes,
  type CandleTopicRecord,
  startAggregatorCount,
  takeCandleTopicRecord,
} from "./aggregator_count.ts";

const SEGMENT = { minute: 60_000, first_offset: "0", processed: 2, checksum: 5, discarded: {} };

function record(kind: string | null, key: string, value: unknown): CandleTopicRecord {
  return {
    offset: "9",
    key: Buffer.from(key),
    value: value === null ? null : Buffer.from(JSON.stringify(value)),
    headers: kind === null ? {} : { "tapeline-record": Buffer.from(kind) },
  };
}

function countOf(...records: CandleTopicRecord[]) {
  const count = startAggregatorCount();
  for (const each of records) takeCandleTopicRecord(count, each);
  return count;
}

Deno.test("the newest record of a segment stands, segments add up, candles are passed over", () => {
  const count = countOf(
    record("ledger", "a", { ...SEGMENT, processed: 1 }),
    record(null, "b", SEGMENT),
    record("ledger", "a", { ...SEGMENT, discarded: { late: 1, not_json: 2 } }),
    record("ledger", "c", { ...SEGMENT, first_offset: "7", discarded: { late: 4 } }),
    record("ledger", "d", { ...SEGMENT, minute: 120_000 }),
  );
  deepStrictEqual([...aggregatorMinutes(count)], [
    [60_000, { processed: { count: 4, checksum: 10 }, discarded: 7 }],
    [120_000, { processed: { count: 2, checksum: 5 }, discarded: 0 }],
  ]);
});

Deno.test("a deleted segment counts no more", () => {
  const count = countOf(record("ledger", "a", SEGMENT), record("ledger", "a", null));
  deepStrictEqual([...aggregatorMinutes(count)], []);
});

Deno.test("the position is the newest state record's", () => {
  strictEqual(countOf().position, 0);
  const state = (next_offset: string) => record("state", "state", { next_offset });
  strictEqual(countOf(state("5"), state("17")).position, 17);
});

Deno.test("a ledger record that can't be read is an error that says where", () => {
  throws(
    () => countOf(record("ledger", "a", { ...SEGMENT, processed: "2" })),
    /ledger record at offset 9 of the candle topic: its counts are no numbers/,
  );
});

Deno.test("a group that began anew counts once: what its new run covers is left out", () => {
  const segment = (first_offset: string, processed: number) =>
    record("ledger", `ledger|60000|${first_offset}`, { ...SEGMENT, first_offset, processed });
  const processed = (...records: CandleTopicRecord[]) =>
    aggregatorMinutes(countOf(...records)).get(60_000)?.processed.count;
  // The first run began at 0, was started again at 40 and at 70; the new one counts from 0.
  const before = [segment("0", 40), segment("40", 30), segment("70", 30)];
  strictEqual(processed(...before), 100);
  strictEqual(processed(...before, segment("0", 60)), 60);
  strictEqual(processed(...before, segment("0", 60), segment("60", 40)), 100);
  // Where retention had taken the first 30 in the meantime.
  strictEqual(processed(...before, segment("30", 70)), 110);
});

Deno.test("a position or a count of refusals that is no number is an error", () => {
  throws(() => countOf(record("state", "state", {})), /state record at offset 9.*no offset/);
  throws(
    () => countOf(record("ledger", "a", { ...SEGMENT, discarded: { late: "1" } })),
    /its counts are no numbers/,
  );
});
