import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { LedgerRow, Verdict } from "../../infra/ledger/judge.ts";
import { firstMinute, judgedBy, pauseBefore } from "./span.ts";

const MINUTE = 60_000;

function report(...verdicts: [minute: number, verdict: Verdict][]): { rows: LedgerRow[] } {
  return {
    rows: verdicts.map(([minute, verdict]) =>
      ({ minute: minute * MINUTE, verdict, in_kafka: { count: 10, checksum: 0 } }) as LedgerRow
    ),
  };
}

Deno.test("the first audit looks back from this minute", () => {
  strictEqual(firstMinute(100 * MINUTE + 59_999, 30), 70 * MINUTE);
});

/** All the minutes of the cases are long over. */
const LATER = 100 * MINUTE;

Deno.test("what balances is judged once, up to the first minute that is not", () => {
  const found = report([7, "balanced"], [8, "balanced"], [8, "balanced"], [9, "pending"]);
  deepStrictEqual(judgedBy(found, 7 * MINUTE, 0, LATER), { next_minute: 9 * MINUTE, ticks: 30 });
  deepStrictEqual(judgedBy(found, 8 * MINUTE, 0, LATER), { next_minute: 9 * MINUTE, ticks: 20 });
});

Deno.test("a minute that runs, or has just ended, is read again: more may come", () => {
  const found = report([7, "balanced"], [8, "balanced"]);
  const at = (audited_at_ms: number) => judgedBy(found, 7 * MINUTE, 0, audited_at_ms);
  deepStrictEqual(at(8 * MINUTE + 29_999), { next_minute: 7 * MINUTE, ticks: 0 });
  deepStrictEqual(at(8 * MINUTE + 30_000), { next_minute: 8 * MINUTE, ticks: 10 });
  deepStrictEqual(at(9 * MINUTE + 30_000), { next_minute: 9 * MINUTE, ticks: 20 });
});

Deno.test("a minute of the future moves nothing", () => {
  const found = report([7, "balanced"], [60, "balanced"]);
  deepStrictEqual(judgedBy(found, 7 * MINUTE, 0, 9 * MINUTE).next_minute, 8 * MINUTE);
});

Deno.test("a minute that differs is read again, until the look-back has passed it", () => {
  const found = report([7, "differs"], [8, "balanced"], [9, "pending"]);
  deepStrictEqual(judgedBy(found, 7 * MINUTE, 0, LATER), { next_minute: 7 * MINUTE, ticks: 0 });
  const later = judgedBy(found, 7 * MINUTE, 8 * MINUTE, LATER);
  deepStrictEqual(later, { next_minute: 9 * MINUTE, ticks: 10 });
});

Deno.test("a minute that no stage has passed is waited for, however long", () => {
  const found = report([7, "pending"], [50, "balanced"]);
  deepStrictEqual(judgedBy(found, 7 * MINUTE, 40 * MINUTE, LATER).next_minute, 7 * MINUTE);
});

Deno.test("where nothing waits it goes with the time, and never back", () => {
  deepStrictEqual(
    judgedBy(report([7, "trimmed"]), 7 * MINUTE, 0, 20 * MINUTE).next_minute,
    19 * MINUTE,
  );
  deepStrictEqual(judgedBy(report(), 7 * MINUTE, 0, 20 * MINUTE), {
    next_minute: 19 * MINUTE,
    ticks: 0,
  });
  deepStrictEqual(judgedBy(report([3, "pending"]), 7 * MINUTE, 0, 0).next_minute, 7 * MINUTE);
});

Deno.test("the next audit waits until a minute more can be judged, and no longer than its interval", () => {
  const from = 7 * MINUTE;
  // The minute ends at 8, and is over for good half a minute later.
  strictEqual(pauseBefore(from, 8 * MINUTE, MINUTE), 30_500);
  strictEqual(pauseBefore(from, 8 * MINUTE, 2_000), 2_000);
  strictEqual(pauseBefore(from, 8 * MINUTE + 29_000, MINUTE), 1_500);
  // What differs, or what a stage has not passed yet, is read again by the interval alone.
  strictEqual(pauseBefore(from, 9 * MINUTE, 50_000), 50_000);
});

Deno.test("what an audit finds after its pause is a minute that it can judge", () => {
  const from = 7 * MINUTE;
  const now_ms = 8 * MINUTE + 12_345;
  const audited_at_ms = now_ms + pauseBefore(from, now_ms, MINUTE);
  const found = judgedBy(report([7, "balanced"], [8, "pending"]), from, 0, audited_at_ms);
  strictEqual(found.next_minute, 8 * MINUTE);
});
