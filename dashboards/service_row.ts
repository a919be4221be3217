/** The first row of every service's dashboard, and the alerts that every service has. */
import { type MetricTable, SERVICE_METRICS, STAGE_METRICS } from "../runtime/metric_table.ts";
import { METRICS as POSTGRES } from "../infra/postgres/metrics.ts";
import type { Alert, Panel, Row } from "./board.ts";
import { BROKER_UP } from "./kafka.ts";
import { alertScope, quantile, type Query, rate, series } from "./query.ts";

const byService = (service: string): string => `service="${service}"`;

/** The four counters and the batch of a stage. */
export const STAGE_QUERIES = {
  received: (service: string): Query => (scope) =>
    `sum by (from) (${rate(STAGE_METRICS.received, scope, byService(service))})`,
  sent: (service: string): Query => (scope) =>
    `sum by (to) (${rate(STAGE_METRICS.sent, scope, byService(service))})`,
  discarded: (service: string): Query => (scope) =>
    `sum by (reason) (${rate(STAGE_METRICS.discarded, scope, byService(service))})`,
  errors: (service: string): Query => (scope) =>
    `sum by (kind) (${rate(STAGE_METRICS.errors, scope, byService(service))})`,
  duration: (of: number) => (service: string): Query => (scope) =>
    quantile(of, STAGE_METRICS.duration, scope, [], byService(service)),
  ready: (service: string): Query => (scope) =>
    series(SERVICE_METRICS.ready, scope, byService(service)),
};

/**
 * A service's first row: whether it can work, and what came in, went out, was refused and went wrong.
 *
 * @param service The service.
 * @param metrics Its table: a watcher has fewer than a stage.
 */
export function serviceRow(service: string, metrics: MetricTable): Row {
  const has = (name: string): boolean => name in metrics;
  const panels: (Panel | null)[] = [
    {
      title: "Ready",
      description: "1 while the instance can do its work; its /ready says why it can't.",
      kind: "lines",
      unit: "none",
      queries: [{ query: STAGE_QUERIES.ready(service), legend: "{{instance}}" }],
      thresholds: {},
      alert: "ServiceNotReady",
    },
    has("received")
      ? {
        title: "Received",
        description: "Records that came in, a second, by where they came from.",
        kind: "lines",
        unit: "cps",
        queries: [{ query: STAGE_QUERIES.received(service), legend: "from {{from}}" }],
        thresholds: {},
      }
      : null,
    has("sent")
      ? {
        title: "Sent",
        description: "Records that were handed on and confirmed, a second, by where they went.",
        kind: "lines",
        unit: "cps",
        queries: [{ query: STAGE_QUERIES.sent(service), legend: "to {{to}}" }],
        thresholds: {},
      }
      : null,
    has("discarded")
      ? {
        title: "Discarded",
        description:
          "Records that were refused, a second, by reason. Each is in the dead letters " +
          "or was answered to its caller. Nothing is drawn where nothing was refused.",
        kind: "lines",
        unit: "cps",
        queries: [{ query: STAGE_QUERIES.discarded(service), legend: "{{reason}}" }],
        thresholds: { warn: 0.001 },
        alert: "DeadLettersGrow",
      }
      : null,
    {
      title: "Errors",
      description: "Errors that were met and dealt with, a second, by kind: of each that there is.",
      kind: "lines",
      unit: "cps",
      queries: [{ query: STAGE_QUERIES.errors(service), legend: "{{kind}}" }],
      thresholds: { warn: 0.001 },
      alert: "ServiceErrors",
    },
    has("duration")
      ? {
        title: "Batch duration",
        description: "From taking a batch to its confirmation: the median and the slowest 1 %.",
        kind: "lines",
        unit: "s",
        queries: [
          { query: STAGE_QUERIES.duration(0.5)(service), legend: "median" },
          { query: STAGE_QUERIES.duration(0.99)(service), legend: "p99" },
        ],
        thresholds: { warn: 1, bad: 5 },
      }
      : null,
  ];
  return { title: "Work", panels: panels.filter((panel) => panel !== null) };
}

/** Whether Postgres was away within the five minutes that errors are counted over. */
const POSTGRES_WAS_AWAY = [
  ...["database", "claim", "retention"].map((kind) => ["sink", kind]),
  ["ledger", "audit"],
].map(([service, kind]) =>
  `label_replace(label_replace(min_over_time(${POSTGRES.up.name}[5m]) == 0, ` +
  `"service", "${service}", "", ""), "kind", "${kind}", "", "")`
).join(" or ");

/** Alerts over all services at once: each service is a series of them. */
export const SERVICE_ALERTS: readonly Alert[] = [
  {
    name: "ServiceNotReady",
    severity: "page",
    expression: `${series(SERVICE_METRICS.ready, alertScope("1m"))} == 0`,
    for_s: 30,
    promised_s: 60,
    summary: "{{ $labels.service }} can't do its work",
    description:
      "{{ $labels.service }} at {{ $labels.instance }} has not been ready for 30 s: it " +
      "can't reach a server, or has no partitions. Its /ready says why.",
  },
  {
    name: "TargetAbsent",
    severity: "page",
    // The broker has alerts of its own (kafka.ts).
    expression: 'up{job!="kafka"} == 0',
    for_s: 15,
    promised_s: 45,
    summary: "{{ $labels.job }} does not answer",
    description:
      "Prometheus can't scrape {{ $labels.job }} at {{ $labels.instance }}: the process " +
      "has died, hangs, or can't be reached. What it measures is not known meanwhile.",
  },
  {
    name: "RestartLoop",
    severity: "page",
    // One that is started anew on this machine listens elsewhere, and is a series of its own.
    expression: "sum by (service) (changes(process_start_time_seconds[10m])) + " +
      "(count by (service) (count_over_time(process_start_time_seconds[10m])) - " +
      "count by (service) (last_over_time(process_start_time_seconds[1m]))) > 2",
    for_s: 0,
    promised_s: 120,
    summary: "{{ $labels.service }} is started again and again",
    description: "{{ $labels.service }} was started {{ $value }} times within 10 minutes.",
  },
  {
    name: "ServiceErrors",
    severity: "ticket",
    // A full disk has an alert of its own; what Postgres' absence brought about is no news after it.
    // Nor is a while told in which the broker was away: it outlasts BrokerDown, which it follows from.
    expression:
      `sum by (service, kind) (${
        rate(STAGE_METRICS.errors, alertScope("5m"), 'kind!="disk_full"')
      }) * 300 > 5 unless on (service, kind) (${POSTGRES_WAS_AWAY}) ` +
      `unless on () (min_over_time(${BROKER_UP}[5m]) == 0)`,
    for_s: 0,
    promised_s: 120,
    summary: "{{ $labels.service }} meets errors of kind {{ $labels.kind }}",
    description: "{{ $labels.service }} met {{ $value | humanize }} errors of kind " +
      "{{ $labels.kind }} within 5 minutes. It deals with them; its log says what they are.",
  },
  {
    name: "DeadLettersGrow",
    severity: "ticket",
    expression: `sum by (service, reason) (${rate(STAGE_METRICS.discarded, alertScope("1m"))}) > 0`,
    for_s: 30,
    promised_s: 90,
    summary: "{{ $labels.service }} refuses records: {{ $labels.reason }}",
    description: "{{ $labels.service }} refuses {{ $value | humanize }} records a second for " +
      "{{ $labels.reason }}. They are in the dead letters, or were answered to their caller.",
  },
];
