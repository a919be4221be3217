/** A dashboard and its alerts, as data: what is drawn, what is asked, what pages. */
import type { Query } from "./query.ts";

/** A line or a figure of a panel. */
export interface PanelQuery {
  query: Query;
  /** Grafana's legend format: text, and labels in double braces. */
  legend: string;
}

/** Grafana's names of units, as far as we use them. */
export type Unit =
  | "short"
  | "none"
  | "s"
  | "bytes"
  | "Bps"
  | "percentunit"
  | "reqps"
  | "cps"
  | "percent"
  | "currencyUSD"
  | "dateTimeFromNow";

/** A panel. */
export interface Panel {
  title: string;
  /** What it shows and what is well: a sentence or two. */
  description: string;
  kind: "lines" | "figure";
  unit: Unit;
  queries: readonly PanelQuery[];
  /** From where on it is orange and red, in its unit. Empty where no value is wrong by itself. */
  thresholds: { warn?: number; bad?: number };
  /** The alert whose runbook it links to. */
  alert?: string;
  /** The service whose traces it links to. */
  traces?: string;
}

/** A panel that asks the database, in SQL with Grafana's macros and variables. */
export interface SqlPanel {
  title: string;
  description: string;
  kind: "sql_lines" | "sql_bars" | "sql_candles" | "sql_table";
  unit: Unit;
  /** Gives a column `time`, and `metric` where there are several lines. */
  sql: string;
}

/** A row of panels. */
export interface Row {
  title: string;
  panels: readonly (Panel | SqlPanel)[];
}

/** Whether a panel asks the database. */
export function isSql(panel: Panel | SqlPanel): panel is SqlPanel {
  return "sql" in panel;
}

/** Who is woken by it. */
export type Severity = "page" | "ticket";

/** An alert: a rule of Prometheus. */
export interface Alert {
  /** Its name, and that of its runbook docs/runbooks/<name>.md. */
  name: string;
  severity: Severity;
  /** More labels, with Prometheus' templates. */
  labels?: { readonly [label: string]: string };
  /** What is asked: every series of the answer is an alert. */
  expression: string;
  /** How long that must hold, seconds. */
  for_s: number;
  /** How long it fires on when that is over, seconds: until what it has caused is over too. */
  keep_firing_s?: number;
  /** Within what time of the cause it is to reach a webhook, seconds. */
  promised_s: number;
  /** One line, with Prometheus' templates. */
  summary: string;
  /** What is known, with the values in it. */
  description: string;
}

/** A query that Prometheus answers beforehand and keeps under a name of its own. */
export interface RecordingRule {
  /** level:metric:operations, as Prometheus' own practice has it. */
  name: string;
  expression: string;
}

/** A variable whose values the database knows. */
export interface SqlVariable {
  name: string;
  label: string;
  sql: string;
}

/** A dashboard with its alerts: one file each. */
export interface Board {
  /** File name, and the dashboard's uid. */
  name: string;
  title: string;
  description: string;
  rows: readonly Row[];
  /** Whose instances can be chosen, by the label `job`; absent: all that there is is shown. */
  job?: string;
  sql_variables?: readonly SqlVariable[];
  records?: readonly RecordingRule[];
  /** How often its rules are asked; with each scrape where not said. */
  rules_interval_s?: number;
  alerts: readonly Alert[];
}
