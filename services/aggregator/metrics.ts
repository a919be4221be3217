/** What the aggregator measures. */
import {
  DURATION_BUCKETS,
  errorsOf,
  type MetricTable,
  READER_METRICS,
  STAGE_METRICS,
} from "../../runtime/metric_table.ts";

export const METRICS = {
  ...STAGE_METRICS,
  ...READER_METRICS,
  errors: errorsOf(["consumer_crash", "takeover", "other_offset", "transaction", "stuck"]),
  assigned: {
    name: "tapeline_aggregator_partitions",
    kind: "gauge",
    unit: "partitions",
    help: "Input partitions that this instance works on",
    labels: [],
  },
  series: {
    name: "tapeline_aggregator_series",
    kind: "gauge",
    unit: "series",
    help: "Series (source and symbol) in state",
    labels: ["partition"],
  },
  takeovers: {
    name: "tapeline_aggregator_takeovers_total",
    kind: "counter",
    unit: "takeovers",
    help: "Times that a partition was taken over: fenced, read and restored",
    labels: [],
  },
  takeover_duration: {
    name: "tapeline_aggregator_takeover_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "How long a takeover took, from fencing to the first record",
    labels: [],
    buckets: DURATION_BUCKETS,
  },
  transaction_duration: {
    name: "tapeline_transaction_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "How long a Kafka transaction took, from its first send to its commit",
    labels: [],
    buckets: DURATION_BUCKETS,
    exemplars: true,
  },
  window_age: {
    name: "tapeline_aggregator_window_age_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "Time from a record's ingest until its windows hold it; every eighth record is observed",
    labels: [],
    buckets: DURATION_BUCKETS,
  },
  publish_age: {
    name: "tapeline_aggregator_publish_age_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "Time from a record's ingest until its candles are committed; every eighth is observed",
    labels: [],
    buckets: DURATION_BUCKETS,
    exemplars: true,
  },
  advances: {
    name: "tapeline_aggregator_watermark_advances_total",
    kind: "counter",
    unit: "advances",
    help: "Times that event time went on: of a series by a tick, of a source by a marker",
    labels: [],
  },
  watermark: {
    name: "tapeline_aggregator_watermark_timestamp_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "Newest event time in the partition less the allowed lateness, in seconds since 1970: " +
      "ticks of that series from before it are late",
    labels: ["partition"],
  },
} as const satisfies MetricTable;
