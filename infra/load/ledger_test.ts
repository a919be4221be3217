import { ok, strictEqual } from "node:assert/strict";
import { isKept } from "../../load-tests/summary.ts";
import { LEDGER } from "../../load-tests/targets.ts";
import type { LedgerReport, LedgerRow } from "../ledger/judge.ts";
import { unaccounted } from "./ledger.ts";

function row(verdict: LedgerRow["verdict"], unconfirmed = 0): LedgerRow {
  return { verdict, unconfirmed: { count: unconfirmed, checksum: 0 } } as LedgerRow;
}

function report(rows: LedgerRow[], differences = 0): LedgerReport {
  return {
    rows,
    differences: Array.from({ length: differences }, () => ({})),
    verdict: differences > 0 ? "differs" : "balanced",
  } as unknown as LedgerReport;
}

function isPromiseKept(ledger: LedgerReport): boolean {
  const values = { [LEDGER.statistic]: unaccounted(ledger) };
  return isKept({ metrics: { [LEDGER.metric]: { values } } }, LEDGER);
}

Deno.test("a ledger that balances keeps its promise", () => {
  const ledger = report([row("balanced"), row("balanced")]);
  strictEqual(unaccounted(ledger), 0);
  ok(isPromiseKept(ledger));
});

Deno.test("a load is not passed with ticks that nobody can account for", () => {
  const unjudged = { ...report([row("balanced")]), verdict: "not_judged" } as LedgerReport;
  for (
    const [what, ledger, count] of [
      ["two differences", report([row("differs")], 2), 2],
      ["a minute that a stage has not passed", report([row("balanced"), row("pending")]), 1],
      ["ticks that no receipt covers", report([row("balanced", 3)]), 1],
      ["no tick at all", report([]), 1],
      ["nothing that could be judged", unjudged, 1],
    ] as const
  ) {
    strictEqual(unaccounted(ledger), count, what);
    ok(!isPromiseKept(ledger), what);
  }
});
