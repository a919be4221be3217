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

/** Clocks of timers are not that exact. */
const RIPE_MARGIN_MS = 500;

/**
 * How long to wait for the next audit, ms: until one more minute can be judged for good, since what
 * is read before that is read again then.
 *
 * @param from_minute The first minute that the next audit reads.
 * @param now_ms The clock.
 * @param interval_ms What is left of the time between two audits: it waits no longer.
 */
export function pauseBefore(from_minute: number, now_ms: number, interval_ms: number): number {
  const ripe_ms = from_minute + MINUTE_MS + SPARE_MS + RIPE_MARGIN_MS - now_ms;
  return ripe_ms > 0 ? Math.min(interval_ms, ripe_ms) : interval_ms;
}
