/** The board of Postgres and its alerts, as its exporter tells. */
import { METRICS } from "../infra/postgres/metrics.ts";
import type { Board } from "./board.ts";
import { alertScope, type NamedMetric, type Query, rate, type Scope, series } from "./query.ts";

const NO_TEMPLATE = 'datname!~"template."';
/** Share of the connections that may be in use. */
const CONNECTIONS_SHARE_MAX = 0.8;
/** The longest that a transaction may be left open and idle. */
const IDLE_S_MAX = 60;
const HOUR_S = 3_600;
/** Over less than this a size that grows by pages and segments has no slope. */
const GROWTH_WINDOW = "10m";

const byDatabase = (row: NamedMetric) => (scope: Scope): string =>
  `sum by (datname) (${rate(row, scope, NO_TEMPLATE)})`;
const byTable = (row: NamedMetric): Query => (scope) => `sum by (table) (${series(row, scope)})`;
/** Before Postgres 17 checkpoints were counted elsewhere: one of the two is there. */
const anHour = (row: NamedMetric, before_17: NamedMetric): Query => (scope) =>
  `(${rate(row, scope)} or ${rate(before_17, scope)}) * ${HOUR_S}`;
/** Over all states; the label server is the exporter's own name of the address. */
const allConnections: Query = (scope) =>
  `sum without (state, server) (${series(METRICS.connections, scope)})`;
const mostConnections: Query = (scope) =>
  `max without (server) (${series(METRICS.connections_max, scope)})`;

export const POSTGRES_QUERIES = {
  up: (scope) => series(METRICS.up, scope),
  connections: (scope) => `sum by (state) (${series(METRICS.connections, scope)})`,
  connections_max: mostConnections,
  connections_share: (scope) => `${allConnections(scope)} / ${mostConnections(scope)}`,
  commits: byDatabase(METRICS.commits),
  rollbacks: byDatabase(METRICS.rollbacks),
  transaction_age: (scope) => `max without (server) (${series(METRICS.transaction_age, scope)})`,
  transaction_idle: (scope) => `max without (server) (${series(METRICS.transaction_idle, scope)})`,
  lock_waits: (scope) => `max without (server) (${series(METRICS.lock_waits, scope)})`,
  deadlocks: byDatabase(METRICS.deadlocks),
  rows_inserted: (scope) => `sum by (table) (${rate(METRICS.rows_inserted, scope)})`,
  live_rows: byTable(METRICS.live_rows),
  dead_rows: byTable(METRICS.dead_rows),
  table_size: byTable(METRICS.table_size),
  index_size: byTable(METRICS.index_size),
  database_size: (scope) =>
    `max by (datname) (${series(METRICS.database_size, scope, NO_TEMPLATE)})`,
  growth: (scope) =>
    `max by (datname) (deriv(${series(METRICS.database_size, scope, NO_TEMPLATE)}` +
    `[${GROWTH_WINDOW}])) * ${HOUR_S}`,
  cache_hits: (scope) => {
    const hit = byDatabase(METRICS.blocks_hit)(scope);
    return `${hit} / (${hit} + ${byDatabase(METRICS.blocks_read)(scope)})`;
  },
  temp_bytes: byDatabase(METRICS.temp_bytes),
  checkpoints_timed: anHour(METRICS.checkpoints_timed, METRICS.checkpoints_timed_before_17),
  checkpoints_requested: anHour(
    METRICS.checkpoints_requested,
    METRICS.checkpoints_requested_before_17,
  ),
} as const satisfies { [name: string]: Query };

const ALERT_SCOPE = alertScope("1m");

export const BOARD: Board = {
  name: "postgres",
  title: "Postgres",
  description: "The database from inside: connections, transactions, tables, room.",
  rows: [
    {
      title: "Server",
      panels: [
        {
          title: "Up",
          description: "1 while the exporter reaches Postgres. Nothing at all is drawn where the " +
            "exporter itself is away.",
          kind: "lines",
          unit: "none",
          queries: [{ query: POSTGRES_QUERIES.up, legend: "{{instance}}" }],
          thresholds: {},
          alert: "PostgresDown",
        },
        {
          title: "Connections",
          description: "Of clients, by state, and the most that the server takes. Idle in " +
            "transaction should be there for moments only.",
          kind: "lines",
          unit: "short",
          queries: [
            { query: POSTGRES_QUERIES.connections, legend: "{{state}}" },
            { query: POSTGRES_QUERIES.connections_max, legend: "limit" },
          ],
          thresholds: {},
        },
        {
          title: "Connections in use",
          description: "Share of the connections that the server takes. At 100 % it takes no more.",
          kind: "lines",
          unit: "percentunit",
          queries: [{ query: POSTGRES_QUERIES.connections_share, legend: "in use" }],
          thresholds: { warn: 0.6, bad: CONNECTIONS_SHARE_MAX },
          alert: "PostgresConnectionsNearlyUsedUp",
        },
        {
          title: "Committed",
          description: "Transactions that were committed, a second, by database. The exporter's " +
            "own are among them.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: POSTGRES_QUERIES.commits, legend: "{{datname}}" }],
          thresholds: {},
        },
        {
          title: "Rolled back",
          description:
            "Transactions that were rolled back, a second, by database. The sink rolls " +
            "back what another instance has stored, and what holds a row that is refused.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: POSTGRES_QUERIES.rollbacks, legend: "{{datname}}" }],
          thresholds: { warn: 1 },
        },
        {
          title: "Oldest transaction",
          description: "Age of the oldest one, and for how long one has been left open and idle: " +
            "rows that have died since can't be cleared away, and its locks stay.",
          kind: "lines",
          unit: "s",
          queries: [
            { query: POSTGRES_QUERIES.transaction_age, legend: "oldest" },
            { query: POSTGRES_QUERIES.transaction_idle, legend: "idle in transaction" },
          ],
          thresholds: { warn: IDLE_S_MAX / 2, bad: IDLE_S_MAX },
          alert: "PostgresTransactionIdle",
        },
        {
          title: "Waiting for a lock",
          description: "Clients whose statement waits for another's lock. Above 0 for long: see " +
            "who holds it by pg_blocking_pids().",
          kind: "lines",
          unit: "short",
          queries: [{ query: POSTGRES_QUERIES.lock_waits, legend: "waiting" }],
          thresholds: { warn: 1 },
        },
        {
          title: "Deadlocks",
          description:
            "Deadlocks a second, by database. Services of ours take their locks in one " +
            "order and make none.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: POSTGRES_QUERIES.deadlocks, legend: "{{datname}}" }],
          thresholds: { warn: 0.001 },
        },
      ],
    },
    {
      title: "Tables",
      panels: [
        {
          title: "Rows inserted",
          description: "A second, by table, partitions and chunks together.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: POSTGRES_QUERIES.rows_inserted, legend: "{{table}}" }],
          thresholds: {},
        },
        {
          title: "Rows",
          description: "Rows that are there, as Postgres estimates them.",
          kind: "lines",
          unit: "short",
          queries: [{ query: POSTGRES_QUERIES.live_rows, legend: "{{table}}" }],
          thresholds: {},
        },
        {
          title: "Dead rows",
          description: "Rows that wait for VACUUM. It goes up and down; one that only grows is " +
            "held up by an old transaction.",
          kind: "lines",
          unit: "short",
          queries: [{ query: POSTGRES_QUERIES.dead_rows, legend: "{{table}}" }],
          thresholds: {},
        },
        {
          title: "Size of tables",
          description: "Without indexes, by table, partitions and chunks together. What " +
            "TimescaleDB has compressed is in the size of the database only.",
          kind: "lines",
          unit: "bytes",
          queries: [{ query: POSTGRES_QUERIES.table_size, legend: "{{table}}" }],
          thresholds: {},
        },
        {
          title: "Size of indexes",
          description: "All indexes of a table, partitions and chunks together.",
          kind: "lines",
          unit: "bytes",
          queries: [{ query: POSTGRES_QUERIES.index_size, legend: "{{table}}" }],
          thresholds: {},
        },
      ],
    },
    {
      title: "Room",
      panels: [
        {
          title: "Size of databases",
          description: "On the disk, by database. WAL, of up to max_wal_size, comes on top.",
          kind: "lines",
          unit: "bytes",
          queries: [{ query: POSTGRES_QUERIES.database_size, legend: "{{datname}}" }],
          thresholds: {},
          alert: "PostgresOutOfSpace",
        },
        {
          title: "Growth an hour",
          description:
            `As the last ${GROWTH_WINDOW} went. Below 0 where expired ticks were dropped.`,
          kind: "lines",
          unit: "bytes",
          queries: [{ query: POSTGRES_QUERIES.growth, legend: "{{datname}}" }],
          thresholds: {},
        },
        {
          title: "Cache hits",
          description:
            "Share of the blocks that were in Postgres' own cache. Near 1 while what is " +
            "asked for fits; it falls where large old parts of ticks are read.",
          kind: "lines",
          unit: "percentunit",
          queries: [{ query: POSTGRES_QUERIES.cache_hits, legend: "{{datname}}" }],
          thresholds: {},
        },
        {
          title: "Temporary files",
          description: "Bytes that queries write a second because they need more than work_mem.",
          kind: "lines",
          unit: "Bps",
          queries: [{ query: POSTGRES_QUERIES.temp_bytes, legend: "{{datname}}" }],
          thresholds: {},
        },
        {
          title: "Checkpoints an hour",
          description: "By time is well; by WAL means that more is written than max_wal_size is " +
            "made for.",
          kind: "lines",
          unit: "short",
          queries: [
            { query: POSTGRES_QUERIES.checkpoints_timed, legend: "by time" },
            { query: POSTGRES_QUERIES.checkpoints_requested, legend: "by WAL" },
          ],
          thresholds: {},
        },
      ],
    },
  ],
  alerts: [
    {
      name: "PostgresDown",
      severity: "page",
      // Old connections may work while no new one is taken: nothing is collected then.
      expression: `${POSTGRES_QUERIES.up(ALERT_SCOPE)} == 0 or ` +
        `${POSTGRES_QUERIES.up(ALERT_SCOPE)} unless on (instance) ${
          series(METRICS.collected, ALERT_SCOPE)
        }`,
      for_s: 10,
      keep_firing_s: 30,
      promised_s: 45,
      summary: "Postgres does not answer",
      description:
        "The exporter at {{ $labels.instance }} can't connect to Postgres: it is down, " +
        "hangs, can't be reached, or takes no more connections. Ticks wait in Kafka meanwhile.",
    },
    {
      name: "PostgresConnectionsNearlyUsedUp",
      severity: "page",
      expression: `${POSTGRES_QUERIES.connections_share(ALERT_SCOPE)} > ${CONNECTIONS_SHARE_MAX}`,
      for_s: 30,
      promised_s: 75,
      summary: "{{ $value | humanizePercentage }} of Postgres' connections are in use",
      description: "{{ $value | humanizePercentage }} of the connections that Postgres takes are " +
        "in use. Past the last one, a service that has to connect anew can't.",
    },
    {
      name: "PostgresTransactionIdle",
      severity: "ticket",
      expression: `${POSTGRES_QUERIES.transaction_idle(ALERT_SCOPE)} > ${IDLE_S_MAX}`,
      for_s: 0,
      promised_s: IDLE_S_MAX + 60,
      summary: "A transaction is left open, idle for {{ $value | humanizeDuration }}",
      description: "A client of Postgres has left a transaction open and has done nothing in it " +
        "for {{ $value | humanizeDuration }}. Its locks stay, and dead rows can't be cleared away.",
    },
  ],
};
