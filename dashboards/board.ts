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
  | "percentunit"
  | "reqps"
  | "cps"
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
}

/** A row of panels. */
export interface Row {
  title: string;
  panels: readonly Panel[];
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
  /** Within what time of the cause it is to reach a webhook, seconds. */
  promised_s: number;
  /** One line, with Prometheus' templates. */
  summary: string;
  /** What is known, with the values in it. */
  description: string;
}

/** A dashboard with its alerts: one file each. */
export interface Board {
  /** File name, and the dashboard's uid. */
  name: string;
  title: string;
  description: string;
  rows: readonly Row[];
  alerts: readonly Alert[];
}
