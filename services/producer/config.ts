/** What the producer can be told: its sources, its batches, its queue. */
import { TICK_RECORD_BYTES_MAX } from "../../contract/topics.ts";
import { SYMBOL_LENGTH_MAX } from "../../contract/tick.ts";
import {
  choice,
  type Config,
  ConfigError,
  flag,
  integer,
  list,
  number,
  type SettingTable,
  text,
  url,
} from "../../runtime/config.ts";
import { KAFKA_SETTINGS, SERVICE_SETTINGS } from "../../runtime/settings.ts";

/** Names of the sources there are; `sources/table.ts` has a row for each. */
export const SOURCE_NAMES = ["simulator", "replay", "finnhub", "http"] as const;

export type SourceName = (typeof SOURCE_NAMES)[number];

/** How fast a replay goes: a factor on event time, or null for as fast as it can. */
export type ReplaySpeed = number | null;

function replaySpeed(given: string): ReplaySpeed {
  if (given === "realtime") return 1;
  if (given === "max") return null;
  const factor = given.trim() === "" ? NaN : Number(given);
  if (!(factor >= 0.001 && factor <= 1e9)) {
    throw new Error("must be realtime, max or a factor from 0.001 to 1e9");
  }
  return factor;
}

function symbol(given: string): string {
  if (given.length > SYMBOL_LENGTH_MAX || !/^[^\p{Cc}|\s]+$/u.test(given)) {
    throw new Error(`names ${JSON.stringify(given)}, which can't be a symbol`);
  }
  return given;
}

/** A record batch must stay below what the topic takes, with the last tick that goes over. */
const BATCH_BYTES_MAX = TICK_RECORD_BYTES_MAX - 48_588;

/** The producer's settings: the supervisor reads this table too. */
export const SETTINGS = {
  ...SERVICE_SETTINGS,
  ...KAFKA_SETTINGS,
  sources: {
    variable: "TAPELINE_SOURCE",
    default: "simulator",
    doc: `Sources to run at once, parted by commas: ${SOURCE_NAMES.join(", ")}`,
    parse: list(choice(...SOURCE_NAMES)),
  },
  symbols: {
    variable: "STOCK_SYMBOLS",
    default: "AAPL,GOOGL,AMZN,TSLA,MSFT",
    doc: "Symbols of the simulator and of Finnhub, parted by commas",
    parse: list(symbol),
  },
  tick_interval_s: {
    variable: "TICK_INTERVAL",
    default: "1.0",
    unit: "s",
    doc: "Simulator: seconds between rounds in which each symbol ticks once",
    parse: number(0.0001, 3_600),
  },
  price_volatility: {
    variable: "PRICE_VOLATILITY",
    default: "0.02",
    doc: "Simulator: volatility of the price, per square root of a day",
    parse: number(0, 10),
  },
  simulator_seed: {
    variable: "TAPELINE_SIMULATOR_SEED",
    doc: "Simulator: the same seed gives the same prices and volumes; not set: a random one",
    parse: integer(0, 2 ** 32 - 1),
  },
  replay_file: {
    variable: "TAPELINE_REPLAY_FILE",
    doc: "Replay: CSV or CSV.gz of ticks, or of daily index prices",
    parse: text(),
  },
  replay_speed: {
    variable: "TAPELINE_REPLAY_SPEED",
    default: "realtime",
    doc: "Replay: realtime, a factor on event time, or max",
    parse: replaySpeed,
  },
  replay_sample: {
    variable: "TAPELINE_REPLAY_SAMPLE",
    default: "false",
    doc: "Replay: send one random record of the file a second, with the time of sending",
    parse: flag(),
  },
  replay_again: {
    variable: "TAPELINE_REPLAY_AGAIN",
    default: "false",
    doc: "Replay: send a file that is already in once more, as source replay/<file>~2, ~3, …",
    parse: flag(),
  },
  replay_search_records: {
    variable: "TAPELINE_REPLAY_SEARCH_RECORDS",
    default: "1000000",
    unit: "records",
    doc: "Replay: how far back in each partition to look for where the file was left",
    parse: integer(1_000, Number.MAX_SAFE_INTEGER),
  },
  finnhub_api_key: {
    variable: "FINNHUB_API_KEY",
    doc: "Finnhub: the API key; needed where TAPELINE_SOURCE names finnhub",
    parse: text(),
    secret: true,
  },
  finnhub_url: {
    variable: "TAPELINE_FINNHUB_URL",
    default: "wss://ws.finnhub.io",
    doc: "Finnhub: where its WebSocket is",
    parse: url("ws", "wss"),
  },
  feed_silence_ms: {
    variable: "TAPELINE_FEED_SILENCE_MS",
    default: "120000",
    unit: "ms",
    doc: "A feed that sends nothing, not even a ping, for so long is connected anew",
    parse: integer(50, 3_600_000),
  },
  http_host: {
    variable: "TAPELINE_HTTP_HOST",
    default: "127.0.0.1",
    doc: "Address on which POST /ticks is served; other than loopback only with a token",
    parse: text(),
  },
  http_port: {
    variable: "TAPELINE_HTTP_PORT",
    default: "0",
    doc: "Port of POST /ticks; 0 takes a free one",
    parse: integer(0, 65_535),
  },
  http_token: {
    variable: "TAPELINE_HTTP_TOKEN",
    doc: "Bearer token that POST /ticks asks for; needed where the host is not loopback",
    parse: text(),
    secret: true,
  },
  http_body_bytes_max: {
    variable: "TAPELINE_HTTP_BODY_BYTES_MAX",
    default: "1048576",
    unit: "bytes",
    doc: "Largest body that POST /ticks takes",
    parse: integer(1_000, 67_108_864),
  },
  http_confirm_deadline_ms: {
    variable: "TAPELINE_HTTP_CONFIRM_DEADLINE_MS",
    default: "30000",
    unit: "ms",
    doc: "How long POST /ticks waits for Kafka before it answers that the outcome is unknown",
    parse: integer(50, 600_000),
  },
  batch_ticks: {
    variable: "TAPELINE_BATCH_TICKS",
    default: "2000",
    unit: "ticks",
    doc: "Most ticks in one send to Kafka",
    parse: integer(1, 100_000),
  },
  batch_bytes: {
    variable: "TAPELINE_BATCH_BYTES",
    default: "750000",
    unit: "bytes",
    doc: "Most bytes in one send to Kafka",
    parse: integer(1_000, BATCH_BYTES_MAX),
  },
  batch_interval_ms: {
    variable: "TAPELINE_BATCH_INTERVAL_MS",
    default: "5",
    unit: "ms",
    doc: "Least time between two sends to Kafka: ticks that come meanwhile go together",
    parse: integer(0, 10_000),
  },
  queue_ticks: {
    variable: "TAPELINE_QUEUE_TICKS",
    default: "20000",
    unit: "ticks",
    doc: "Ticks that wait for Kafka before sources are slowed, refused or counted as discarded",
    parse: integer(1, 10_000_000),
  },
} as const satisfies SettingTable;

export type ProducerConfig = Config<typeof SETTINGS>;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/;

/**
 * Checks what one setting asks of another.
 *
 * @throws ConfigError with every fault at once.
 */
export function checkConfig(config: ProducerConfig): void {
  const faults: string[] = [];
  const has = (source: SourceName): boolean => config.sources.includes(source);
  if (has("replay") && config.replay_file === null) {
    faults.push("TAPELINE_REPLAY_FILE is not set: the source replay needs a file");
  }
  if (config.replay_sample && (config.replay_again || config.replay_speed !== 1)) {
    const other = config.replay_again ? "TAPELINE_REPLAY_AGAIN" : "TAPELINE_REPLAY_SPEED";
    faults.push(
      `${other} and TAPELINE_REPLAY_SAMPLE are both set: a sample is one random record a second ` +
        "for ever, so set one of the two",
    );
  }
  if (has("finnhub") && config.finnhub_api_key === null) {
    faults.push("FINNHUB_API_KEY is not set: the source finnhub needs one, see https://finnhub.io");
  }
  if (has("http") && config.http_token === null && !LOOPBACK.test(config.http_host)) {
    faults.push(
      `TAPELINE_HTTP_HOST=${config.http_host} is not loopback: set TAPELINE_HTTP_TOKEN too, or ` +
        "leave the host at 127.0.0.1",
    );
  }
  if (faults.length > 0) throw new ConfigError(faults);
}
