/** Whether what was accepted is stored: the board and its alerts. */
import { METRICS } from "../services/ledger/metrics.ts";
import type { Board } from "./board.ts";
import { processRow } from "./process_row.ts";
import { alertScope, quantile, type Query, rate, series } from "./query.ts";
import { serviceRow } from "./service_row.ts";

export const LEDGER_QUERIES = {
  differences: (scope) => `max(${series(METRICS.differences, scope)})`,
  judged: (scope) => `sum(${rate(METRICS.judged, scope)})`,
  not_judged_for: (scope) => `time() - max(${series(METRICS.judged_to, scope)})`,
  audited_ago: (scope) => `time() - ${series(METRICS.audited_at, scope)}`,
  audit_p99: (scope) => quantile(0.99, METRICS.audit_duration, scope, []),
} as const satisfies { [name: string]: Query };

/** An audit a minute: so long without one is no pause any more. */
const UNKNOWN_S = 300;

export const BOARD: Board = {
  name: "ledger",
  job: "ledger",
  title: "Ledger",
  description: "Accepted = in Kafka = processed = stored, minute by minute, judged as it goes.",
  rows: [
    {
      title: "Balance",
      panels: [
        {
          title: "Differences",
          description:
            "Places where the columns do not agree, of the minutes that every stage has " +
            "passed. 0 is the only good value; `deno task audit` says where.",
          kind: "figure",
          unit: "short",
          queries: [{ query: LEDGER_QUERIES.differences, legend: "differences" }],
          thresholds: { bad: 1 },
          alert: "LedgerOutOfBalance",
        },
        {
          title: "Ticks found to balance",
          description: "Ticks a second of the minutes that were judged; a minute at a time.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: LEDGER_QUERIES.judged, legend: "judged" }],
          thresholds: {},
        },
        {
          title: "Not judged yet",
          description: "Since which minute the ledger waits: one or two where all stages keep up.",
          kind: "lines",
          unit: "s",
          queries: [{ query: LEDGER_QUERIES.not_judged_for, legend: "since" }],
          thresholds: { warn: UNKNOWN_S },
        },
        {
          title: "Last audit",
          description: "Seconds since the ledger was read.",
          kind: "lines",
          unit: "s",
          queries: [{ query: LEDGER_QUERIES.audited_ago, legend: "{{instance}}" }],
          thresholds: { warn: UNKNOWN_S / 2, bad: UNKNOWN_S },
          alert: "LedgerUnknown",
        },
        {
          title: "Audit duration",
          description: "How long the slowest 1 % of the audits took.",
          kind: "lines",
          unit: "s",
          queries: [{ query: LEDGER_QUERIES.audit_p99, legend: "p99" }],
          thresholds: { warn: 30, bad: 120 },
        },
      ],
    },
    serviceRow("ledger", METRICS),
    processRow("ledger", METRICS),
  ],
  alerts: [
    {
      name: "LedgerOutOfBalance",
      severity: "page",
      expression: `${LEDGER_QUERIES.differences(alertScope("1m"))} > 0`,
      for_s: 0,
      // A minute must be over, and every stage past it.
      promised_s: 180,
      summary: "The ledger does not balance in {{ $value }} places",
      description: "Of minutes that every stage has passed, what was accepted, is in Kafka, was " +
        "processed and is stored do not agree in {{ $value }} places: ticks are lost, doubled or " +
        "altered. The log of the ledger service names the first.",
    },
    {
      name: "LedgerUnknown",
      severity: "ticket",
      expression: `${LEDGER_QUERIES.audited_ago(alertScope("1m"))} > ${UNKNOWN_S}`,
      for_s: 0,
      promised_s: UNKNOWN_S + 60,
      summary: "Nobody knows whether the ledger balances",
      description: "The ledger service at {{ $labels.instance }} has not been able to read the " +
        "ledger for {{ $value | humanizeDuration }}.",
    },
  ],
};
