import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { LedgerRow, Verdict } from "../../infra/ledger/judge.ts";
import { firstMinute, judgedBy } from "./span.ts";

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

Deno.test("what balances is judged once, up to the first minute that is not", () => {
  const found = report([7, "balanced"], [8, "balanced"], [8, "balanced"], [9, "pending"]);
  deepStrictEqual(judgedBy(found, 7 * MINUTE, 0), { next_minute: 9 * MINUTE, ticks: 30 });
  deepStrictEqual(judgedBy(found, 8 * MINUTE, 0), { next_minute: 9 * MINUTE, ticks: 20 });
});

Deno.test("a minute that differs is read again, until the look-back has passed it", () => {
  const found = report([7, "differs"], [8, "balanced"], [9, "pending"]);
  deepStrictEqual(judgedBy(found, 7 * MINUTE, 0), { next_minute: 7 * MINUTE, ticks: 0 });
  const later = judgedBy(found, 7 * MINUTE, 8 * MINUTE);
  deepStrictEqual(later, { next_minute: 8 * MINUTE, ticks: 0 });
});

Deno.test("where nothing is pending the next minute is next, and nothing goes back", () => {
  deepStrictEqual(judgedBy(report([7, "trimmed"]), 7 * MINUTE, 0).next_minute, 8 * MINUTE);
  deepStrictEqual(judgedBy(report(), 7 * MINUTE, 0), { next_minute: 7 * MINUTE, ticks: 0 });
  deepStrictEqual(judgedBy(report([3, "pending"]), 7 * MINUTE, 0).next_minute, 7 * MINUTE);
});
