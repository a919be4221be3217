/** The aggregator's settings. */
import { INTERVAL_MS } from "../../contract/candle.ts";
import { choice, integer, list, type SettingTable, text } from "../../runtime/config.ts";
import { CONSUMER_SETTINGS, KAFKA_SETTINGS, SERVICE_SETTINGS } from "../../runtime/settings.ts";

export const SETTINGS = {
  ...SERVICE_SETTINGS,
  ...KAFKA_SETTINGS,
  ...CONSUMER_SETTINGS,
  consumer_group: {
    variable: "TAPELINE_AGGREGATOR_GROUP",
    default: "aggregator",
    doc: "Consumer group of the aggregator; it starts its transactional ids too",
    parse: text(),
  },
  intervals: {
    variable: "TAPELINE_CANDLE_INTERVALS",
    default: "1m,5m,15m,1h",
    doc: `Intervals of candles, of ${Object.keys(INTERVAL_MS).join(", ")}`,
    parse: list(choice(...Object.keys(INTERVAL_MS) as (keyof typeof INTERVAL_MS)[])),
  },
  allowed_lateness_ms: {
    variable: "TAPELINE_ALLOWED_LATENESS_MS",
    default: "5000",
    unit: "ms",
    doc: "How far a tick's event time may be behind the newest of its series",
    parse: integer(0, 3_600_000),
  },
  sliding_average_seconds: {
    variable: "TAPELINE_SLIDING_AVERAGE_SECONDS",
    default: "60",
    unit: "s",
    doc: "Span of the sliding average price, in event time",
    parse: integer(1, 3_600),
  },
  series_max: {
    variable: "TAPELINE_SERIES_MAX",
    default: "200000",
    doc: "Most series (source and symbol) that one partition holds",
    parse: integer(1, 10_000_000),
  },
  flush_interval_ms: {
    variable: "TAPELINE_FLUSH_INTERVAL_MS",
    default: "100",
    unit: "ms",
    doc: "Time between two transactions of a partition that is up to date",
    parse: integer(10, 10_000),
  },
  flush_interval_max_ms: {
    variable: "TAPELINE_FLUSH_INTERVAL_MAX_MS",
    default: "5000",
    unit: "ms",
    doc:
      "Time between two transactions of a partition that is behind: a tenth of how far, this at most",
    parse: integer(10, 10_000),
  },
} as const satisfies SettingTable;
