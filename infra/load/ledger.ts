/** The ledger of a load, judged when all of it has gone through. */
import { sleep } from "../../runtime/backoff.ts";
import type { LedgerReport } from "../ledger/judge.ts";

const JUDGE_INTERVAL_MS = 1_000;
const JUDGE_DEADLINE_MS = 120_000;

/**
 * Reads the ledger until no minute of it is pending: its last ticks may be on their way.
 *
 * @param read Reads and judges it once.
 * @returns The ledger; after two minutes as it then is, pending minutes among it.
 */
export async function settledLedger(read: () => Promise<LedgerReport>): Promise<LedgerReport> {
  const give_up_at_ms = performance.now() + JUDGE_DEADLINE_MS;
  for (;;) {
    const report = await read();
    if (isSettled(report) || performance.now() > give_up_at_ms) return report;
    await sleep(JUDGE_INTERVAL_MS);
  }
}

/** Whether every tick of it has been judged. */
export function isSettled({ rows }: Pick<LedgerReport, "rows">): boolean {
  return rows.every(({ verdict, unconfirmed }) => verdict !== "pending" && unconfirmed.count === 0);
}
