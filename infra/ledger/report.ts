/** The ledger as a table for people. Pure. */
import type { LedgerReport, LedgerRow } from "./judge.ts";
import { differenceText, grouped, minuteText, summarize } from "./summary.ts";

/** What to show. */
export interface ReportOptions {
  /** Each minute of each partition, not only totals and what differs. */
  all?: boolean;
}

/** Differences that are spelled out; the rest is counted. */
const DIFFERENCES_SHOWN = 50;

interface Column {
  title: string;
  cell: (row: ShownRow) => string;
  left?: boolean;
}

/** A line of the table: one minute, or the sum of a partition. */
interface ShownRow {
  partition: string;
  minute: string;
  accepted: number;
  foreign: number;
  unconfirmed: number;
  in_kafka: number;
  processed: number;
  aggregator_letters: number;
  stored: number;
  sink_letters: number;
  verdict: string;
}

const COLUMNS: readonly Column[] = [
  { title: "partition", cell: (row) => row.partition, left: true },
  { title: "minute (UTC)", cell: (row) => row.minute, left: true },
  { title: "accepted", cell: (row) => grouped(row.accepted) },
  { title: "by others", cell: (row) => grouped(row.foreign) },
  { title: "unconfirmed", cell: (row) => grouped(row.unconfirmed) },
  { title: "in Kafka", cell: (row) => grouped(row.in_kafka) },
  { title: "aggregator", cell: (row) => grouped(row.processed) },
  { title: "its letters", cell: (row) => grouped(row.aggregator_letters) },
  { title: "stored", cell: (row) => grouped(row.stored) },
  { title: "its letters", cell: (row) => grouped(row.sink_letters) },
  { title: "verdict", cell: (row) => row.verdict, left: true },
];

/**
 * The report as text: a table, what differs in sentences, and the closing line.
 *
 * @param report The judged ledger.
 * @param options What to show.
 */
export function formatReport(report: LedgerReport, options: ReportOptions = {}): string {
  const partitions = [...new Set(report.rows.map((row) => row.partition))];
  const shown = partitions.flatMap((partition) => {
    const rows = report.rows.filter((row) => row.partition === partition);
    const singled = options.all ? rows : rows.filter((row) => row.verdict === "differs");
    return [...singled.map(shownRow), sumRow(`${partition}`, rows)];
  });
  if (partitions.length > 1) shown.push(sumRow("all", report.rows));
  const notes = notesOf(report);
  const differences = report.differences.map(differenceText);
  const more = differences.length - DIFFERENCES_SHOWN;
  return [
    ...(shown.length > 0 ? [table(shown), ""] : []),
    ...(notes.length > 0 ? [...notes, ""] : []),
    ...(differences.length > 0
      ? [
        ...differences.slice(0, DIFFERENCES_SHOWN),
        ...(more > 0 ? [`… and ${more} more`] : []),
        "",
      ]
      : []),
    summarize(report),
  ].join("\n");
}

function shownRow(row: LedgerRow): ShownRow {
  return {
    partition: String(row.partition),
    minute: minuteText(row.minute),
    accepted: row.accepted.count,
    foreign: row.foreign.count,
    unconfirmed: row.unconfirmed.count,
    in_kafka: row.in_kafka.count,
    processed: row.processed.count,
    aggregator_letters: row.aggregator_letters,
    stored: row.stored.count,
    sink_letters: row.sink_letters,
    verdict: row.verdict,
  };
}

function sumRow(partition: string, rows: readonly LedgerRow[]): ShownRow {
  const sum = (value: (row: LedgerRow) => number): number =>
    rows.reduce((total, row) => total + value(row), 0);
  const minutes = new Set(rows.map((row) => row.minute)).size;
  const verdicts = (["balanced", "differs", "pending", "trimmed", "expired"] as const)
    .map((verdict) => ({
      verdict,
      count: rows.filter((row) => row.verdict === verdict).length,
    }))
    .filter(({ count }) => count > 0)
    .map(({ verdict, count }) => `${grouped(count)} ${verdict}`);
  return {
    partition,
    minute: `${grouped(minutes)} minute${minutes === 1 ? "" : "s"}`,
    accepted: sum((row) => row.accepted.count),
    foreign: sum((row) => row.foreign.count),
    unconfirmed: sum((row) => row.unconfirmed.count),
    in_kafka: sum((row) => row.in_kafka.count),
    processed: sum((row) => row.processed.count),
    aggregator_letters: sum((row) => row.aggregator_letters),
    stored: sum((row) => row.stored.count),
    sink_letters: sum((row) => row.sink_letters),
    verdict: verdicts.join(", "),
  };
}

/** What is no difference and should be known. */
function notesOf(report: LedgerReport): string[] {
  const notes: string[] = [];
  const doors = Object.entries(report.refused_at_doors);
  if (doors.length > 0) {
    const reasons = doors.map(([reason, count]) => `${reason} ${grouped(count)}`).join(", ");
    notes.push(`refused at a door, and so never in the topic: ${reasons}`);
  }
  const invalid = report.rows.reduce((total, row) => total + row.invalid, 0);
  if (invalid > 0) notes.push(`records in Kafka that are no valid ticks: ${grouped(invalid)}`);
  const for_one_stage = report.rows.reduce((total, row) => total + row.for_one_stage, 0);
  if (for_one_stage > 0) {
    notes.push(`replayed dead letters, which count for one stage only: ${grouped(for_one_stage)}`);
  }
  return notes;
}

function table(rows: readonly ShownRow[]): string {
  const cells = [
    COLUMNS.map((column) => column.title),
    ...rows.map((row) => COLUMNS.map((column) => column.cell(row))),
  ];
  const widths = COLUMNS.map((_, index) =>
    // Not Math.max(...lengths): a hundred thousand arguments overflow the stack.
    cells.reduce((width, line) => Math.max(width, line[index]!.length), 0)
  );
  return cells.map((line) =>
    line.map((cell, index) =>
      COLUMNS[index]!.left ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!)
    ).join("  ").trimEnd()
  ).join("\n");
}
