/** The sink's board and its alerts. */
import { READER_METRICS, STAGE_METRICS } from "../runtime/metric_table.ts";
import { METRICS } from "../services/sink/metrics.ts";
import type { Board } from "./board.ts";
import { alertScope, quantile, type Query, rate, series } from "./query.ts";
import { processRow } from "./process_row.ts";
import { serviceRow } from "./service_row.ts";

const OURS = 'service="sink"';
/** A tick is to be a row within this time: the objective is 99 % of them. */
const FRESH_S = 1;

export const SINK_QUERIES = {
  rows: (scope) => `sum by (table) (${rate(METRICS.rows_stored, scope)})`,
  batch_rows: (scope) => quantile(0.5, METRICS.batch_rows, scope, ["table"]),
  store_median: (scope) => quantile(0.5, METRICS.store_duration, scope, ["table"]),
  store_p99: (scope) => quantile(0.99, METRICS.store_duration, scope, ["table"]),
  age_median: (scope) => quantile(0.5, METRICS.tick_age, scope, []),
  age_p99: (scope) => quantile(0.99, METRICS.tick_age, scope, []),
  fresh_share: (scope) => {
    const name = METRICS.tick_age.name;
    // Prometheus 3 writes a bound as a decimal fraction, Prometheus 2 as it was given.
    const within = { name: `${name}_bucket` };
    const all = { name: `${name}_count` };
    return `sum(${rate(within, scope, `le=~"${FRESH_S}(.0)?"`)}) / sum(${rate(all, scope)})`;
  },
  position: (scope) => series(METRICS.next_offset, scope),
  lag: (scope) => series(METRICS.lag, scope),
  transactions: (scope) => series(METRICS.pool_transactions, scope),
  connections: (scope) => series(METRICS.pool_connections, scope),
  pool_size: (scope) => series(METRICS.pool_size, scope),
  disk_full: (scope) =>
    `sum by (service) (${rate(STAGE_METRICS.errors, scope, OURS, 'kind="disk_full"')})`,
  trimmed: (scope) => series(READER_METRICS.trimmed, scope, OURS),
} as const satisfies { [name: string]: Query };

export const BOARD: Board = {
  name: "sink",
  job: "sink",
  title: "Sink",
  description: "Ticks and candles into the database: rows, how fresh they are, what COPY takes.",
  rows: [
    serviceRow("sink", METRICS),
    {
      title: "Rows",
      panels: [
        {
          title: "Rows stored",
          description: "Rows committed, a second, by table. Of a candle a batch writes the newest.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: SINK_QUERIES.rows, legend: "{{table}}" }],
          thresholds: {},
        },
        {
          title: "Age of a tick when its row is committed",
          description: `From ingest to commit. The objective: 99 % within ${FRESH_S} s.`,
          kind: "lines",
          unit: "s",
          queries: [
            { query: SINK_QUERIES.age_median, legend: "median" },
            { query: SINK_QUERIES.age_p99, legend: "p99" },
          ],
          thresholds: { warn: FRESH_S / 2, bad: FRESH_S },
          alert: "SinkSlow",
        },
        {
          title: "Fresh rows",
          description: `Share of the ticks whose row was committed within ${FRESH_S} s.`,
          kind: "lines",
          unit: "percentunit",
          queries: [{ query: SINK_QUERIES.fresh_share, legend: "fresh" }],
          thresholds: {},
        },
      ],
    },
    {
      title: "Database",
      panels: [
        {
          title: "Transaction duration",
          description: "COPY, position and COMMIT, by table: the median and the slowest 1 %.",
          kind: "lines",
          unit: "s",
          queries: [
            { query: SINK_QUERIES.store_median, legend: "{{table}} median" },
            { query: SINK_QUERIES.store_p99, legend: "{{table}} p99" },
          ],
          thresholds: { warn: 1, bad: 5 },
        },
        {
          title: "Rows in a transaction",
          description: "The median, by table. It grows with the load, up to the limit of a batch.",
          kind: "lines",
          unit: "short",
          queries: [{ query: SINK_QUERIES.batch_rows, legend: "{{table}}" }],
          thresholds: {},
        },
        {
          title: "Pool of connections",
          description: "Transactions under way or waiting for a connection, connections that are " +
            "open, and the most that it opens. Transactions at that limit wait for each other.",
          kind: "lines",
          unit: "short",
          queries: [
            { query: SINK_QUERIES.transactions, legend: "transactions" },
            { query: SINK_QUERIES.connections, legend: "open" },
            { query: SINK_QUERIES.pool_size, legend: "limit" },
          ],
          thresholds: {},
        },
        {
          title: "Refused for want of room",
          description: "Transactions that Postgres refused because its disk is full, a second. " +
            "They are tried again until there is room.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: SINK_QUERIES.disk_full, legend: "disk full" }],
          thresholds: { bad: 0.001 },
          alert: "PostgresOutOfSpace",
        },
        {
          title: "Behind, as the sink sees it",
          description: "Records between its position and the partition's end at its last fetch. " +
            "The truth from outside is on the board of lag.",
          kind: "lines",
          unit: "short",
          queries: [{ query: SINK_QUERIES.lag, legend: "{{topic}}/{{partition}}" }],
          thresholds: {},
        },
        {
          title: "Position",
          description: "Next offset by partition, as the database has it: a flat line is a " +
            "partition that does not move.",
          kind: "lines",
          unit: "short",
          queries: [{ query: SINK_QUERIES.position, legend: "{{topic}}/{{partition}}" }],
          thresholds: {},
        },
        {
          title: "Lost to retention",
          description: "Records that retention deleted before the sink had read them.",
          kind: "figure",
          unit: "short",
          queries: [{ query: SINK_QUERIES.trimmed, legend: "{{instance}}" }],
          thresholds: { bad: 1 },
          alert: "ConsumerTrimmed",
        },
      ],
    },
    processRow("sink", METRICS),
  ],
  alerts: [
    {
      name: "SinkSlow",
      severity: "page",
      labels: { service: "sink" },
      expression: `${SINK_QUERIES.age_p99(alertScope("1m"))} > ${FRESH_S}`,
      for_s: 60,
      promised_s: 150,
      summary: "Ticks take {{ $value | humanizeDuration }} to become rows",
      description:
        "The slowest 1 % of the ticks need {{ $value | humanizeDuration }} from ingest " +
        `to their committed row; the objective is ${FRESH_S} s for 99 %.`,
    },
    {
      name: "PostgresOutOfSpace",
      severity: "page",
      expression: `${SINK_QUERIES.disk_full(alertScope("1m"))} > 0`,
      for_s: 0,
      promised_s: 45,
      summary: "Postgres has no room on its disk",
      description: "Postgres refuses {{ $labels.service }}'s rows because its disk is full. They " +
        "wait in Kafka and are tried again: nothing is lost until the topic's retention ends.",
    },
  ],
};
