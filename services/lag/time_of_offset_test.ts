import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import type { OffsetAnswer, OffsetQuestion } from "../../runtime/kafka_offsets.ts";
import { timeOfOffset } from "./time_of_offset.ts";

const PLACE = { topic: "ticks", partition: 0 };
const NOW_MS = 1_700_000_000_000;

/** A log as ListOffsets sees it: record n has the n-th timestamp. */
function lookupIn(timestamps: readonly number[]) {
  let asked = 0;
  return {
    asked: () => asked,
    ask: ([question]: readonly OffsetQuestion[]): Promise<OffsetAnswer[]> => {
      asked++;
      const at = timestamps.findIndex((timestamp_ms) => timestamp_ms >= question!.timestamp_ms);
      return Promise.resolve([
        at === -1 ? null : { offset: BigInt(at), timestamp_ms: timestamps[at]! },
      ]);
    },
  };
}

Deno.test("the time of a record is found to the millisecond, whoever shares it", async () => {
  const arbitraryGaps = fc.array(fc.oneof(fc.constant(0), fc.integer({ max: 100_000, min: 0 })), {
    minLength: 1,
    maxLength: 60,
  });
  await fc.assert(fc.asyncProperty(
    arbitraryGaps,
    fc.nat(),
    fc.integer({ min: -2_000, max: 10_000_000 }),
    async (gaps, pick, age_ms) => {
      const timestamps: number[] = [];
      let timestamp_ms = NOW_MS - age_ms;
      for (const gap of gaps.toReversed()) {
        timestamps.unshift(timestamp_ms);
        timestamp_ms -= gap;
      }
      const offset = pick % timestamps.length;
      const lookup = lookupIn(timestamps);
      const found_ms = await timeOfOffset(lookup, PLACE, BigInt(offset), NOW_MS);
      const truth_ms = timestamps[offset]!;
      if (truth_ms <= NOW_MS) strictEqual(found_ms, truth_ms);
      else ok(found_ms >= NOW_MS && found_ms <= truth_ms, "a record from the future is of no age");
      ok(lookup.asked() < 60, `${lookup.asked()} requests`);
    },
  ));
});

Deno.test("where timestamps go back, the age is never told too large", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 40 }),
    fc.nat(),
    async (ages, pick) => {
      const timestamps = ages.map((age_ms) => NOW_MS - age_ms);
      const offset = pick % timestamps.length;
      const found_ms = await timeOfOffset(lookupIn(timestamps), PLACE, BigInt(offset), NOW_MS);
      strictEqual(found_ms, Math.max(...timestamps.slice(0, offset + 1)));
    },
  ));
});

Deno.test("a record from before all that is asked for is as old as can be", async () => {
  strictEqual(await timeOfOffset(lookupIn([0]), PLACE, 0n, NOW_MS), 0);
});
