/**
 * What is measured of Postgres: by the exporter's own collectors, and by queries of ours that it
 * runs. Pure.
 */
import { stringify } from "yaml";
import { PIPELINE } from "../../contract/pipeline.ts";
import type { MetricRow } from "../../runtime/metric_table.ts";

/** A metric of the exporter: a row like a service's, with the exporter's name. */
export interface PostgresMetric extends Omit<MetricRow, "name" | "buckets"> {
  name: `pg_${string}` | `tapeline_postgres_${string}`;
}

/** A query that the exporter runs: its columns are the metrics' labels and values. */
interface ExporterQuery {
  /** What each metric's name begins with; the rest of it is the column. */
  prefix: `tapeline_postgres${string}`;
  sql: string;
  metrics: readonly PostgresMetric[];
  /** For how long an answer stands, seconds: what takes the server work is not asked each time. */
  cache_s: number;
}

export const METRICS = {
  up: {
    name: "pg_up",
    kind: "gauge",
    unit: "bool",
    help: "1 while the exporter reaches Postgres, 0 while it does not",
    labels: [],
  },
  collected: {
    name: "pg_scrape_collector_success",
    kind: "gauge",
    unit: "bool",
    help: "Whether a collector had an answer; absent where Postgres took no new connection",
    labels: ["collector"],
  },
  commits: {
    name: "pg_stat_database_xact_commit",
    kind: "counter",
    unit: "transactions",
    help: "Transactions that were committed",
    labels: ["datid", "datname"],
  },
  rollbacks: {
    name: "pg_stat_database_xact_rollback",
    kind: "counter",
    unit: "transactions",
    help: "Transactions that were rolled back",
    labels: ["datid", "datname"],
  },
  blocks_hit: {
    name: "pg_stat_database_blks_hit",
    kind: "counter",
    unit: "blocks",
    help: "Blocks that were found in Postgres' own cache",
    labels: ["datid", "datname"],
  },
  blocks_read: {
    name: "pg_stat_database_blks_read",
    kind: "counter",
    unit: "blocks",
    help: "Blocks that were asked of the operating system",
    labels: ["datid", "datname"],
  },
  deadlocks: {
    name: "pg_stat_database_deadlocks",
    kind: "counter",
    unit: "deadlocks",
    help: "Deadlocks that were found, and ended by ending a transaction",
    labels: ["datid", "datname"],
  },
  temp_bytes: {
    name: "pg_stat_database_temp_bytes",
    kind: "counter",
    unit: "bytes",
    help: "What queries wrote into temporary files",
    labels: ["datid", "datname"],
  },
  database_size: {
    name: "pg_database_size_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "What a database takes on the disk",
    labels: ["datname"],
  },
  checkpoints_timed: {
    name: "pg_stat_checkpointer_num_timed_total",
    kind: "counter",
    unit: "checkpoints",
    help: "Checkpoints because it was time",
    labels: [],
  },
  checkpoints_requested: {
    name: "pg_stat_checkpointer_num_requested_total",
    kind: "counter",
    unit: "checkpoints",
    help: "Checkpoints because of much WAL, or by order",
    labels: [],
  },
  checkpoints_timed_before_17: {
    name: "pg_stat_bgwriter_checkpoints_timed_total",
    kind: "counter",
    unit: "checkpoints",
    help: "Checkpoints because it was time, in Postgres before 17",
    labels: [],
  },
  checkpoints_requested_before_17: {
    name: "pg_stat_bgwriter_checkpoints_req_total",
    kind: "counter",
    unit: "checkpoints",
    help: "Checkpoints because of much WAL, or by order, in Postgres before 17",
    labels: [],
  },
  connections: {
    name: "tapeline_postgres_connections",
    kind: "gauge",
    unit: "connections",
    help: "Connections of clients, by state; other: one that says no state, or a rare one",
    labels: ["state"],
  },
  connections_max: {
    name: "tapeline_postgres_server_connections_max",
    kind: "gauge",
    unit: "connections",
    help: "Most connections that the server takes (max_connections)",
    labels: [],
  },
  lock_waits: {
    name: "tapeline_postgres_server_lock_waits",
    kind: "gauge",
    unit: "connections",
    help: "Clients whose statement waits for a lock",
    labels: [],
  },
  transaction_age: {
    name: "tapeline_postgres_server_transaction_age_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "Age of the oldest transaction of a client; 0 where there is none",
    labels: [],
  },
  transaction_idle: {
    name: "tapeline_postgres_server_transaction_idle_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "For how long a client has left a transaction open and idle, at most; 0 where none has",
    labels: [],
  },
  rows_inserted: {
    name: "tapeline_postgres_table_rows_inserted_total",
    kind: "counter",
    unit: "rows",
    help: "Rows that were inserted, by table and partition (or chunk)",
    labels: ["table", "partition"],
  },
  live_rows: {
    name: "tapeline_postgres_table_live_rows",
    kind: "gauge",
    unit: "rows",
    help: "Rows that are there, as Postgres estimates, by table and partition (or chunk)",
    labels: ["table", "partition"],
  },
  dead_rows: {
    name: "tapeline_postgres_table_dead_rows",
    kind: "gauge",
    unit: "rows",
    help: "Rows that wait for VACUUM, as Postgres estimates, by table and partition (or chunk)",
    labels: ["table", "partition"],
  },
  table_size: {
    name: "tapeline_postgres_disk_table_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "What a table's rows take on the disk, with those of its partitions or chunks",
    labels: ["table"],
  },
  index_size: {
    name: "tapeline_postgres_disk_index_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "What a table's indexes take on the disk, with those of its partitions or chunks",
    labels: ["table"],
  },
} as const satisfies { readonly [name: string]: PostgresMetric };

const STATES = ["active", "idle", "idle in transaction", "idle in transaction (aborted)"];
const TABLES = PIPELINE.flatMap(({ tables }) => tables);

const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(", ");

/** Our tables with their partitions, or with TimescaleDB's chunks: both inherit. */
const OUR_TABLES = `pg_stat_user_tables AS part
LEFT JOIN pg_inherits AS link ON link.inhrelid = part.relid AND link.inhseqno = 1
JOIN pg_class AS whole ON whole.oid = COALESCE(link.inhparent, part.relid)
WHERE whole.relname IN (${quoted(TABLES)}) AND pg_table_is_visible(whole.oid)`;

/** A role that may not see others' sessions sees that they are there, and not of what kind. */
const OF_CLIENT =
  "datid IS NOT NULL AND COALESCE(backend_type, 'client backend') = 'client backend'";

/** What the exporter's collectors do not tell: states, limits, and sizes by table and not by part. */
const QUERIES: readonly ExporterQuery[] = [
  {
    prefix: "tapeline_postgres",
    sql: `SELECT known.state, count(session.pid) AS connections
FROM unnest(ARRAY[${quoted([...STATES, "other"])}]) AS known (state)
LEFT JOIN pg_stat_activity AS session ON ${OF_CLIENT} AND known.state =
  CASE WHEN session.state IN (${quoted(STATES)}) THEN session.state ELSE 'other' END
GROUP BY known.state`,
    metrics: [METRICS.connections],
    cache_s: 0,
  },
  {
    prefix: "tapeline_postgres_server",
    sql: `SELECT current_setting('max_connections')::integer AS connections_max,
  count(*) FILTER (WHERE wait_event_type = 'Lock') AS lock_waits,
  COALESCE(EXTRACT(EPOCH FROM max(clock_timestamp() - xact_start)), 0) AS transaction_age_seconds,
  COALESCE(EXTRACT(EPOCH FROM max(clock_timestamp() - state_change)
    FILTER (WHERE state LIKE 'idle in transaction%')), 0) AS transaction_idle_seconds
FROM pg_stat_activity WHERE ${OF_CLIENT}`,
    metrics: [
      METRICS.connections_max,
      METRICS.lock_waits,
      METRICS.transaction_age,
      METRICS.transaction_idle,
    ],
    cache_s: 0,
  },
  {
    prefix: "tapeline_postgres_table",
    // A series a partition, so that one that is dropped does not look like a counter's restart.
    sql: `SELECT whole.relname AS table, part.relid::regclass::text AS partition,
  n_tup_ins AS rows_inserted_total, n_live_tup AS live_rows, n_dead_tup AS dead_rows
FROM ${OUR_TABLES}`,
    metrics: [METRICS.rows_inserted, METRICS.live_rows, METRICS.dead_rows],
    cache_s: 0,
  },
  {
    prefix: "tapeline_postgres_disk",
    sql: `SELECT whole.relname AS table,
  COALESCE(sum(pg_table_size(part.relid)), 0) AS table_bytes,
  COALESCE(sum(pg_indexes_size(part.relid)), 0) AS index_bytes
FROM ${OUR_TABLES} GROUP BY whole.relname`,
    metrics: [METRICS.table_size, METRICS.index_size],
    cache_s: 30,
  },
];

/** The queries as the exporter reads them. */
export function exporterQueries(): string {
  const queries = QUERIES.map(({ prefix, sql, metrics, cache_s }) => {
    const labels = [...new Set(metrics.flatMap(({ labels }) => labels))];
    const columns = [
      ...labels.map((label) => ({ [label]: { usage: "LABEL", description: label } })),
      ...metrics.map(({ name, kind, help }) => ({
        [name.slice(prefix.length + 1)]: { usage: kind.toUpperCase(), description: help },
      })),
    ];
    return [prefix, { query: sql, cache_seconds: cache_s, metrics: columns }];
  });
  return "# Written by `deno task dashboards`.\n" +
    stringify(Object.fromEntries(queries), { lineWidth: 0 });
}
