/** The ledger in one line and in an exit code. Pure. */
import type { Difference, LedgerReport } from "./judge.ts";

const GROUPED = new Intl.NumberFormat("en-US");

/** A count as people read it: 112,465. */
export function grouped(count: number): string {
  return GROUPED.format(count);
}

/** A minute as people read it, UTC: 2013-10-07 09:31. */
export function minuteText(minute: number): string {
  return Number.isFinite(minute) && Math.abs(minute) <= 8.64e15
    ? new Date(minute).toISOString().slice(0, 16).replace("T", " ")
    : String(minute);
}

/** A difference as a sentence that says where. */
export function differenceText({ partition, minute, message }: Difference): string {
  const where = minute === null ? "" : `, minute ${minuteText(minute)}`;
  return `partition ${partition}${where}: ${message}`;
}

/**
 * The closing line.
 *
 * @param report The judged ledger.
 */
export function summarize(report: LedgerReport): string {
  const balanced = report.rows.filter((row) => row.verdict === "balanced");
  const ticks = balanced.reduce((sum, row) => sum + row.in_kafka.count, 0);
  const minutes = new Set(balanced.map((row) => row.minute)).size;
  const rest = notJudged(report);
  if (report.verdict === "balances") {
    const letters = balanced.reduce(
      (sum, row) => sum + row.aggregator_letters + row.sink_letters,
      0,
    );
    const refused = letters > 0 ? `, ${plural(letters, "dead letter")} accounted for` : "";
    return `The ledger balances: ${plural(ticks, "tick")} in ${plural(minutes, "minute")} are ` +
      `accepted, in Kafka, processed and stored alike${refused}${rest}`;
  }
  if (report.verdict === "not_judged") {
    const { positions } = report;
    const behind = positions.map(({ partition, aggregator, sink, end }) =>
      `partition ${partition} ends at ${end}, aggregator at ${aggregator}, sink at ${sink}`
    ).join("; ");
    return `The ledger can't be judged yet: no minute is complete in every stage (${behind})`;
  }
  const [first, ...others] = report.differences;
  const more = others.length > 0 ? `, and ${plural(others.length, "more difference")}` : "";
  return `The ledger does not balance: ${differenceText(first!)}${more}${rest}`;
}

/** What was set aside, for the closing line. */
function notJudged(report: LedgerReport): string {
  const parts: string[] = [];
  for (const verdict of ["pending", "trimmed", "expired"] as const) {
    const rows = report.rows.filter((row) => row.verdict === verdict);
    const minutes = new Set(rows.map((row) => row.minute)).size;
    if (minutes > 0) parts.push(`${plural(minutes, "minute")} ${verdict}`);
  }
  const unconfirmed = report.rows.reduce((sum, row) => sum + row.unconfirmed.count, 0);
  if (unconfirmed > 0) {
    parts.push(`${plural(unconfirmed, "tick")} behind a producer's last receipt`);
  }
  const foreign = report.rows.reduce((sum, row) => sum + row.foreign.count, 0);
  if (foreign > 0) parts.push(`${plural(foreign, "record")} written by others`);
  return parts.length > 0 ? ` (apart from it: ${parts.join(", ")})` : "";
}

function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** 0: it balances; 1: it does not; 2: it could not be judged. */
export function exitCode(report: LedgerReport): 0 | 1 | 2 {
  return report.verdict === "balances" ? 0 : report.verdict === "differs" ? 1 : 2;
}
