/** Which minutes the next audit reads. Pure. */
import { minuteOf } from "../../contract/records.ts";
import type { LedgerReport } from "../../infra/ledger/judge.ts";

const MINUTE_MS = 60_000;

/**
 * A minute is over for good so long after its end: what the producer had taken by then has reached
 * Kafka, and clocks differ by less.
 */
const SPARE_MS = 30_000;

/** What an audit found out about the minutes from one on. */
export interface Judged {
  /** The first minute that the next audit must read. */
  next_minute: number;
  /** Ticks in Kafka of the minutes before it that balance. */
  ticks: number;
}

/**
 * The minute at which audits begin.
 *
 * @param now_ms The clock.
 * @param look_back_minutes How far back they look at the most.
 */
export function firstMinute(now_ms: number, look_back_minutes: number): number {
  return minuteOf(now_ms) - look_back_minutes * MINUTE_MS;
}

/**
 * What is judged for good: minutes that are over, and that every stage has passed. One that differs is
 * read again: it may be mended, and it is told for as long as the look-back reaches.
 *
 * @param report The audit, of the minutes from `from_minute` on.
 * @param from_minute Its first minute.
 * @param earliest_minute What the look-back reaches now.
 * @param audited_at_ms When the audit began.
 */
export function judgedBy(
  report: Pick<LedgerReport, "rows">,
  from_minute: number,
  earliest_minute: number,
  audited_at_ms: number,
): Judged {
  const rows = report.rows.filter(({ minute }) => minute >= from_minute);
  const open = rows.filter(({ minute, verdict }) =>
    verdict === "pending" || (verdict === "differs" && minute >= earliest_minute)
  );
  const first_running = minuteOf(audited_at_ms - SPARE_MS);
  const undecided = Math.min(first_running, ...open.map(({ minute }) => minute));
  const next_minute = Math.max(undecided, from_minute);
  const ticks = rows
    .filter(({ minute, verdict }) => minute < next_minute && verdict === "balanced")
    .reduce((sum, { in_kafka }) => sum + in_kafka.count, 0);
  return { next_minute, ticks };
}
