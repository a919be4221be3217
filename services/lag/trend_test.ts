import { deepStrictEqual } from "node:assert/strict";
import { addSample, type LagSample, TREND_SPAN_MS, trendOf } from "./trend.ts";

function samples(...records: number[]): LagSample[] {
  return records.map((count, at) => ({ at_ms: at * 1_000, records: count }));
}

Deno.test("a group that falls behind never catches up", () => {
  deepStrictEqual(trendOf(samples(100, 150, 200)), { growth: 50, catch_up_s: Infinity });
});

Deno.test("a group that stays as far behind never catches up", () => {
  deepStrictEqual(trendOf(samples(100, 100)), { growth: 0, catch_up_s: Infinity });
});

Deno.test("a group that catches up does so when its lag is used up", () => {
  deepStrictEqual(trendOf(samples(1_000, 900, 800)), { growth: -100, catch_up_s: 8 });
});

Deno.test("a group that is not behind has caught up", () => {
  deepStrictEqual(trendOf(samples(1_000, 0)), { growth: -1_000, catch_up_s: 0 });
  deepStrictEqual(trendOf(samples(0)), { growth: 0, catch_up_s: 0 });
});

Deno.test("what is older than the span does not count", () => {
  let kept: LagSample[] = [];
  for (let at_ms = 0; at_ms <= 2 * TREND_SPAN_MS; at_ms += 1_000) {
    kept = addSample(kept, { at_ms, records: at_ms < TREND_SPAN_MS ? 1_000_000 : 10 });
  }
  deepStrictEqual(kept.length, TREND_SPAN_MS / 1_000 + 1);
  deepStrictEqual(trendOf(kept).growth, 0);
});
