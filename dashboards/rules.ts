/** Writes alerts as Prometheus' rule files. */
import { stringify } from "yaml";
import type { Alert, Board } from "./board.ts";

/** The runbook of an alert, from the root of the repository. */
export function runbookPath(alert: string): string {
  return `docs/runbooks/${alert}.md`;
}

/** An alert as Prometheus' rule. */
export function ruleOf(alert: Alert): { [field: string]: unknown } {
  const { name, severity, labels, expression, for_s, keep_firing_s, summary, description } = alert;
  return {
    alert: name,
    expr: expression,
    ...(for_s > 0 ? { for: `${for_s}s` } : {}),
    ...(keep_firing_s === undefined ? {} : { keep_firing_for: `${keep_firing_s}s` }),
    labels: { severity, ...labels },
    annotations: { summary, description, runbook: runbookPath(name) },
  };
}

/**
 * A file of rules.
 *
 * @param group Its name.
 * @param alerts What is in it.
 * @param board What is asked beforehand (before the alerts, which may use it), and how often.
 */
export function ruleFile(
  group: string,
  alerts: readonly Alert[],
  { records = [], rules_interval_s }: Pick<Board, "records" | "rules_interval_s"> = {},
): string {
  const rules = [
    ...records.map(({ name, expression }) => ({ record: name, expr: expression })),
    ...alerts.map(ruleOf),
  ];
  const interval = rules_interval_s === undefined ? {} : { interval: `${rules_interval_s}s` };
  return "# Written by `deno task dashboards`.\n" +
    stringify({ groups: [{ name: `tapeline-${group}`, ...interval, rules }] }, { lineWidth: 0 });
}
