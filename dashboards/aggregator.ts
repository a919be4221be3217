/** The aggregator's board and its alerts. */
import { READER_METRICS, SERVICE_METRICS } from "../runtime/metric_table.ts";
import { METRICS } from "../services/aggregator/metrics.ts";
import type { Board } from "./board.ts";
import { alertScope, quantile, type Query, rate, series } from "./query.ts";
import { processRow } from "./process_row.ts";
import { serviceRow } from "./service_row.ts";

const OURS = 'service="aggregator"';

export const AGGREGATOR_QUERIES = {
  partitions: (scope) => series(METRICS.assigned, scope),
  series: (scope) => `sum(${series(METRICS.series, scope)})`,
  takeovers: (scope) => `sum(${rate(METRICS.takeovers, scope)})`,
  takeover_p99: (scope) => quantile(0.99, METRICS.takeover_duration, scope, []),
  transaction_median: (scope) => quantile(0.5, METRICS.transaction_duration, scope, []),
  transaction_p99: (scope) => quantile(0.99, METRICS.transaction_duration, scope, []),
  window_age: (scope) => quantile(0.99, METRICS.window_age, scope, []),
  publish_age_median: (scope) => quantile(0.5, METRICS.publish_age, scope, []),
  publish_age_p99: (scope) => quantile(0.99, METRICS.publish_age, scope, []),
  watermark_delay: (scope) => `time() - ${series(METRICS.watermark, scope)}`,
  kafka_errors: (scope) =>
    `sum by (service, request, error) (${
      rate(SERVICE_METRICS.kafka_request_errors, { ...scope, matchers: "" })
    })`,
  trimmed: (scope) => series(READER_METRICS.trimmed, scope, OURS),
} as const satisfies { [name: string]: Query };

export const BOARD: Board = {
  name: "aggregator",
  job: "aggregator",
  title: "Aggregator",
  description: "Ticks into candles: windows, transactions, takeovers.",
  rows: [
    serviceRow("aggregator", METRICS),
    {
      title: "Windows",
      panels: [
        {
          title: "Series in state",
          description: "Series (source and symbol) that have open windows.",
          kind: "lines",
          unit: "short",
          queries: [{ query: AGGREGATOR_QUERIES.series, legend: "series" }],
          thresholds: {},
        },
        {
          title: "Age of a tick in its candles",
          description:
            "From ingest until the windows hold it (p99), and until the candles with it " +
            "are committed (median, p99).",
          kind: "lines",
          unit: "s",
          queries: [
            { query: AGGREGATOR_QUERIES.window_age, legend: "in its window p99" },
            { query: AGGREGATOR_QUERIES.publish_age_median, legend: "published median" },
            { query: AGGREGATOR_QUERIES.publish_age_p99, legend: "published p99" },
          ],
          thresholds: { warn: 0.5, bad: 1 },
        },
        {
          title: "Watermark delay",
          description:
            "Now less the newest watermark, by partition: the allowed lateness and what " +
            "the source is behind. A replay shows how long ago its trades were. A line that climbs " +
            "by a second each second stands still.",
          kind: "lines",
          unit: "s",
          queries: [{ query: AGGREGATOR_QUERIES.watermark_delay, legend: "{{partition}}" }],
          thresholds: {},
          alert: "WatermarkStalled",
        },
        {
          title: "Partitions",
          description: "Input partitions by instance: together they are all there are.",
          kind: "lines",
          unit: "short",
          queries: [{ query: AGGREGATOR_QUERIES.partitions, legend: "{{instance}}" }],
          thresholds: {},
        },
        {
          title: "Lost to retention",
          description: "Records that retention deleted before the aggregator had read them.",
          kind: "figure",
          unit: "short",
          queries: [{ query: AGGREGATOR_QUERIES.trimmed, legend: "{{instance}}" }],
          thresholds: { bad: 1 },
          alert: "ConsumerTrimmed",
        },
      ],
    },
    {
      title: "Transactions",
      panels: [
        {
          title: "Transaction duration",
          description: "From the first send to the commit: the median and the slowest 1 %.",
          kind: "lines",
          unit: "s",
          queries: [
            { query: AGGREGATOR_QUERIES.transaction_median, legend: "median" },
            { query: AGGREGATOR_QUERIES.transaction_p99, legend: "p99" },
          ],
          thresholds: { warn: 0.5, bad: 5 },
          alert: "TransactionsSlow",
        },
        {
          title: "Requests that Kafka refused",
          description:
            "A second, by request and error, over all services. CONCURRENT_TRANSACTIONS " +
            "is the broker finishing the last commit, as it does in the background.",
          kind: "lines",
          unit: "reqps",
          queries: [{
            query: AGGREGATOR_QUERIES.kafka_errors,
            legend: "{{service}} {{request}} {{error}}",
          }],
          thresholds: {},
        },
        {
          title: "Takeovers",
          description: "Partitions taken over, a second: at a start, a rebalance, after a failed " +
            "transaction.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: AGGREGATOR_QUERIES.takeovers, legend: "takeovers" }],
          thresholds: {},
        },
        {
          title: "Takeover duration",
          description: "Fencing, reading the state, restoring: the slowest 1 %. Nothing is drawn " +
            "where no partition was taken over.",
          kind: "lines",
          unit: "s",
          queries: [{ query: AGGREGATOR_QUERIES.takeover_p99, legend: "p99" }],
          thresholds: { warn: 2, bad: 10 },
        },
      ],
    },
    processRow("aggregator", METRICS),
  ],
  alerts: [
    {
      name: "WatermarkStalled",
      severity: "page",
      // Over all partitions: one whose only symbols are quiet has nothing to move it.
      expression: `sum(${rate(METRICS.advances, alertScope("1m"))}) == 0 and on () ` +
        `sum(${rate(METRICS.received, alertScope("1m"), OURS)}) > 0`,
      for_s: 30,
      promised_s: 120,
      summary: "No window closes any more",
      description:
        "The aggregator takes records, and for a minute none has moved a watermark: all " +
        "are late, refused, or the same moment over and over. Candles stay open.",
    },
    {
      name: "TransactionsSlow",
      severity: "ticket",
      expression: `${AGGREGATOR_QUERIES.transaction_p99(alertScope("1m"))} > 2`,
      for_s: 60,
      promised_s: 150,
      summary: "Kafka transactions take {{ $value | humanizeDuration }}",
      description: "The slowest 1 % of the aggregator's transactions take " +
        "{{ $value | humanizeDuration }}: candles are that late.",
    },
  ],
};
