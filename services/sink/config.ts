/** The sink's settings. */
import { integer, type SettingTable, text } from "../../runtime/config.ts";
import {
  CONSUMER_SETTINGS,
  DATABASE_SETTINGS,
  KAFKA_SETTINGS,
  SERVICE_SETTINGS,
} from "../../runtime/settings.ts";

export const SETTINGS = {
  ...SERVICE_SETTINGS,
  ...KAFKA_SETTINGS,
  ...CONSUMER_SETTINGS,
  ...DATABASE_SETTINGS,
  consumer_group: {
    variable: "CONSUMER_GROUP",
    default: "sink",
    doc: "Consumer group of the sink; its positions in kafka_offsets are kept under this name",
    parse: text(),
  },
  batch_rows: {
    variable: "TAPELINE_SINK_BATCH_ROWS",
    default: "20000",
    unit: "rows",
    doc: "Most records that the sink stores in one transaction",
    parse: integer(1, 1_000_000),
  },
  partitions_concurrent: {
    variable: "TAPELINE_SINK_PARTITIONS_CONCURRENT",
    default: "4",
    doc:
      "Partitions that the sink stores at once, each over a connection of its own; each may hold " +
      "what a fetch brought, 16 MB and more",
    parse: integer(1, 100),
  },
  statement_timeout_ms: {
    variable: "TAPELINE_SINK_STATEMENT_TIMEOUT_MS",
    default: "30000",
    unit: "ms",
    doc: "Longest time that one of the sink's statements may take in the database",
    parse: integer(100, 600_000),
  },
  tick_retention_days: {
    variable: "TAPELINE_TICK_RETENTION_DAYS",
    default: "7",
    unit: "days",
    doc: "How long the database keeps ticks, by time of ingest",
    parse: integer(1, 36_500),
  },
} as const satisfies SettingTable;
