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
    if (report.rows.every(isJudged) || performance.now() > give_up_at_ms) return report;
    await sleep(JUDGE_INTERVAL_MS);
  }
}

/** What the ledger can't account for: differences, and minutes that are not judged to their end. */
export function unaccounted({ rows, differences, verdict }: LedgerReport): number {
  const unjudged = rows.filter((row) => !isJudged(row)).length;
  // Without a tick there is nothing that was kept.
  const nothing = verdict === "not_judged" || rows.length === 0 ? 1 : 0;
  return differences.length + Math.max(unjudged, nothing);
}

function isJudged({ verdict, unconfirmed }: LedgerReport["rows"][number]): boolean {
  return verdict !== "pending" && unconfirmed.count === 0;
}
