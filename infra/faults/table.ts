/** The closing table: what was done to the platform, and what came of it. Pure. */
import type { Outcome } from "./scenario.ts";

const GROUPED = new Intl.NumberFormat("en-US");
const seconds = (time_ms: number): string => `${(time_ms / 1000).toFixed(1)} s`;

interface Column {
  title: string;
  cell: (outcome: Outcome) => string;
  left?: boolean;
}

const COLUMNS: readonly Column[] = [
  { title: "fault", cell: ({ fault, name }) => `${fault} ${name}`, left: true },
  { title: "times", cell: ({ times }) => GROUPED.format(times) },
  { title: "ticks sent", cell: ({ sent }) => GROUPED.format(sent) },
  { title: "lost", cell: ({ lost }) => GROUPED.format(lost) },
  { title: "doubled", cell: ({ doubled }) => GROUPED.format(doubled) },
  { title: "transactions", cell: ({ transactions }) => GROUPED.format(transactions) },
  { title: "longest stall", cell: ({ stall_ms }) => seconds(stall_ms) },
  { title: "recovery", cell: ({ recovery_ms }) => seconds(recovery_ms) },
  { title: "verdict", cell: ({ faults }) => faults.length === 0 ? "exact" : "WRONG", left: true },
];

/** The table as text, with a closing line; what is wrong is spelled out below it. */
export function formatOutcomes(outcomes: readonly Outcome[]): string {
  const cells = outcomes.map((outcome) => COLUMNS.map(({ cell }) => cell(outcome)));
  const widths = COLUMNS.map(({ title }, at) =>
    Math.max(title.length, ...cells.map((row) => row[at]!.length))
  );
  const line = (row: readonly string[]): string =>
    row.map((text, at) => COLUMNS[at]!.left ? text.padEnd(widths[at]!) : text.padStart(widths[at]!))
      .join("  ").trimEnd();
  const total = (of: (outcome: Outcome) => number): string =>
    GROUPED.format(outcomes.reduce((sum, outcome) => sum + of(outcome), 0));
  return [
    line(COLUMNS.map(({ title }) => title)),
    line(widths.map((width) => "─".repeat(width))),
    ...cells.map(line),
    `${total(({ times }) => times)} faults survived by ${total(({ sent }) => sent)} ticks: ` +
    `${total(({ lost }) => lost)} lost, ${total(({ doubled }) => doubled)} doubled`,
    ...outcomes.flatMap(({ name, faults }) => faults.map((fault) => `${name}: ${fault}`)),
  ].join("\n");
}
