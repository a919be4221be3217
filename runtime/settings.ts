/** The settings that services share. A service's config.ts takes the rows that it needs. */
import { DEFAULT_TOPIC_NAMES } from "../contract/topics.ts";
import {
  choice,
  flag,
  hostAndPort,
  integer,
  list,
  type SettingTable,
  text,
  url,
} from "./config.ts";

const topicName = (given: string): string => {
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(given) || given === "." || given === "..") {
    throw new Error("must be a Kafka topic name: letters, digits, '.', '_', '-'");
  }
  return given;
};

/** Every service: its log, its operations server, how it stops. */
export const SERVICE_SETTINGS = {
  log_level: {
    variable: "LOG_LEVEL",
    default: "info",
    doc: "Least level of log lines: debug, info, warn or error",
    parse: choice("debug", "info", "warn", "error"),
  },
  operations_host: {
    variable: "TAPELINE_OPERATIONS_HOST",
    default: "127.0.0.1",
    doc: "Address on which /health, /ready and /metrics are served",
    parse: text(),
  },
  operations_port: {
    variable: "TAPELINE_OPERATIONS_PORT",
    default: "0",
    doc: "Port of /health, /ready and /metrics; 0 takes a free one",
    parse: integer(0, 65_535),
  },
  stop_on_stdin_end: {
    variable: "TAPELINE_STOP_ON_STDIN_END",
    default: "false",
    doc: "Stop in order when standard input ends, as it does when a supervisor dies",
    parse: flag(),
  },
  shutdown_deadline_ms: {
    variable: "TAPELINE_SHUTDOWN_DEADLINE_MS",
    default: "8000",
    unit: "ms",
    doc: "How long an ordered stop may take before the process ends itself",
    parse: integer(100, 600_000),
  },
  metrics: {
    variable: "TAPELINE_METRICS",
    default: "true",
    doc: "Whether anything is measured; off only to see what measuring costs (deno task bench)",
    parse: flag(),
  },
  trace_endpoint: {
    variable: "TAPELINE_TRACE_ENDPOINT",
    doc: "OTLP over HTTP endpoint of a trace collector; traces are off where it is not set",
    parse: url("http", "https"),
  },
  trace_sample_ratio: {
    variable: "TAPELINE_TRACE_SAMPLE_RATIO",
    default: "0.01",
    doc: "Share of traces that are sampled, from 0 to 1",
    parse: (given: string): number => {
      const ratio = Number(given);
      if (!(ratio >= 0 && ratio <= 1)) throw new Error("must be a number from 0 to 1");
      return ratio;
    },
  },
} as const satisfies SettingTable;

/** Whoever talks to Kafka. */
export const KAFKA_SETTINGS = {
  kafka_bootstrap_servers: {
    variable: "KAFKA_BOOTSTRAP_SERVERS",
    aliases: ["KAFKA_BROKERS"],
    default: "127.0.0.1:9092",
    doc: "Kafka's bootstrap servers, host:port parted by commas",
    parse: list(hostAndPort()),
  },
  kafka_compression: {
    variable: "TAPELINE_KAFKA_COMPRESSION",
    default: "none",
    doc: "Compression of record batches: none, gzip, snappy or zstd",
    parse: choice("none", "gzip", "snappy", "zstd"),
  },
  tick_topic: {
    variable: "KAFKA_TOPIC",
    default: DEFAULT_TOPIC_NAMES.ticks,
    doc: "Topic of ticks",
    parse: topicName,
  },
  candle_topic: {
    variable: "TAPELINE_CANDLE_TOPIC",
    default: DEFAULT_TOPIC_NAMES.candles,
    doc: "Topic of candles, which is the aggregator's state too",
    parse: topicName,
  },
  alert_topic: {
    variable: "TAPELINE_ALERT_TOPIC",
    default: DEFAULT_TOPIC_NAMES.alerts,
    doc: "Topic of price alerts",
    parse: topicName,
  },
  dead_letter_topic: {
    variable: "TAPELINE_DEAD_LETTER_TOPIC",
    default: DEFAULT_TOPIC_NAMES.dead_letters,
    doc: "Topic of dead letters",
    parse: topicName,
  },
} as const satisfies SettingTable;

/** Whoever reads Kafka in a consumer group. */
export const CONSUMER_SETTINGS = {
  fetch_wait_ms: {
    variable: "TAPELINE_FETCH_WAIT_MS",
    default: "100",
    unit: "ms",
    doc: "How long the broker gathers records before it answers a fetch",
    parse: integer(1, 10_000),
  },
  session_timeout_ms: {
    variable: "TAPELINE_SESSION_TIMEOUT_MS",
    default: "10000",
    unit: "ms",
    doc: "After this time without a sign of life another instance takes the partitions over",
    parse: integer(1_000, 300_000),
  },
  stuck_after_ms: {
    variable: "TAPELINE_STUCK_AFTER_MS",
    default: "60000",
    unit: "ms",
    doc:
      "A consumer that does not move for so long though records wait, and knows of no trouble, " +
      "ends its process, to be started anew",
    parse: integer(1_000, 3_600_000),
  },
} as const satisfies SettingTable;

/** Whoever makes the topics. */
export const TOPIC_SETTINGS = {
  tick_partitions: {
    variable: "TAPELINE_TICK_PARTITIONS",
    default: "3",
    doc: "Partitions of the tick topic (and so of the candle topic) when it is made",
    parse: integer(1, 1_000),
  },
  topic_retention_hours: {
    variable: "TAPELINE_TOPIC_RETENTION_HOURS",
    default: "168",
    unit: "hours",
    doc: "How long Kafka keeps ticks, alerts and dead letters, by time of ingest",
    parse: integer(1, 100_000),
  },
} as const satisfies SettingTable;

/** Whoever talks to Postgres. */
export const DATABASE_SETTINGS = {
  database_url: {
    variable: "DATABASE_URL",
    default: "postgres://tapeline@127.0.0.1:5432/tapeline",
    doc: "Postgres or TimescaleDB: postgres://user:password@host:port/database",
    parse: url("postgres", "postgresql"),
    secret: true,
  },
} as const satisfies SettingTable;
