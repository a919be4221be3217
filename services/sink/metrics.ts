/** What the sink measures. */
import {
  DURATION_BUCKETS,
  errorsOf,
  type MetricTable,
  READER_METRICS,
  STAGE_METRICS,
} from "../../runtime/metric_table.ts";

/** Why a transaction did not come about. */
export const STORE_FAULTS = [
  ...["position_moved", "partition_missing", "row_refused"] as const,
  ...["too_slow", "disk_full", "database"] as const,
] as const;

export const METRICS = {
  ...STAGE_METRICS,
  ...READER_METRICS,
  errors: errorsOf([
    ...STORE_FAULTS,
    ...["consumer_crash", "claim", "trimmed", "kafka_commit", "retention", "stuck"] as const,
    "dead_letters",
  ]),
  rows_stored: {
    name: "tapeline_sink_rows_stored_total",
    kind: "counter",
    unit: "rows",
    help: "Rows written and committed, by table; of a candle a batch writes only the newest",
    labels: ["table"],
  },
  batch_rows: {
    name: "tapeline_sink_batch_rows",
    kind: "histogram",
    unit: "rows",
    help: "Rows in one transaction",
    labels: ["table"],
    buckets: [0, 1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000],
  },
  store_duration: {
    name: "tapeline_sink_store_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "How long the database took for one transaction: COPY, position, COMMIT",
    labels: ["table"],
    buckets: DURATION_BUCKETS,
    exemplars: true,
  },
  tick_age: {
    name: "tapeline_sink_tick_age_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "Time from a tick's ingest to its committed row; every eighth offset is observed, so " +
      "that each row weighs the same",
    labels: [],
    buckets: DURATION_BUCKETS,
    exemplars: true,
  },
  fresh_rows: {
    name: "tapeline_sink_fresh_rows_total",
    kind: "counter",
    unit: "rows",
    help: "Rows of ticks that were committed within a second of their ingest",
    labels: [],
  },
  pool_transactions: {
    name: "tapeline_sink_pool_transactions",
    kind: "gauge",
    unit: "transactions",
    help: "Transactions of this instance that are under way, or wait for a connection",
    labels: [],
  },
  pool_connections: {
    name: "tapeline_sink_pool_connections",
    kind: "gauge",
    unit: "connections",
    help: "Connections of this instance to the database that are open, or being opened",
    labels: [],
  },
  pool_size: {
    name: "tapeline_sink_pool_size",
    kind: "gauge",
    unit: "connections",
    help: "Most connections to the database that this instance opens",
    labels: [],
  },
  next_offset: {
    name: "tapeline_sink_next_offset",
    kind: "gauge",
    unit: "records",
    help: "Offset at which this instance goes on, as the database has it",
    labels: ["topic", "partition"],
  },
  lag: {
    name: "tapeline_sink_lag_records",
    kind: "gauge",
    unit: "records",
    help: "Records between the position and the partition's end when its last batch was fetched",
    labels: ["topic", "partition"],
  },
} as const satisfies MetricTable;
