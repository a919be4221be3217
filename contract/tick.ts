/**
 * A tick: one trade, as it travels through Kafka (JSON, key = symbol).
 * Every door and every stage judges ticks by the one function here.
 */

import { scanTick } from "./tick_scan.ts";

/** One trade. `timestamp` is event time in milliseconds since the epoch (UTC). */
export interface Tick {
  symbol: string;
  price: number;
  volume: number;
  timestamp: number;
  /** Set at the door: `simulator`, `finnhub`, `http`, `replay/<file name>`, … */
  source: string;
  trade_id?: string;
  /** False: counts in volume and trades, and moves no price. Absent means true. */
  price_forming?: boolean;
}

/** Why a record is not a tick that a stage can take. Bounded: it is a metric label. */
export type DiscardReason =
  | "empty_value"
  | "not_utf8"
  | "not_json"
  | "not_an_object"
  | "symbol_invalid"
  | "price_invalid"
  | "volume_invalid"
  | "timestamp_invalid"
  | "source_invalid"
  | "trade_id_invalid"
  | "price_forming_invalid"
  | "too_large"
  | "far_future"
  | "late"
  | "wrong_partition"
  | "series_limit"
  | "line_malformed"
  | "frame_malformed"
  | "marker_malformed"
  | "candle_malformed"
  | "ingest_time_invalid"
  | "queue_full"
  | "row_refused";

/** What is wrong with a record: the reason to count it by, and a sentence for a person. */
export interface Fault {
  reason: DiscardReason;
  message: string;
}

/** Longest symbol and longest source, in UTF-16 units. */
export const SYMBOL_LENGTH_MAX = 64;
export const SOURCE_LENGTH_MAX = 128;
export const TRADE_ID_LENGTH_MAX = 128;
/** Above these a sum of price × volume over a day could leave what a double holds exactly enough. */
export const PRICE_MAX = 1e12;
export const VOLUME_MAX = 1e15;
/** 1900-01-01: the oldest exchange data that people replay is younger. */
export const TIMESTAMP_MS_MIN = -2_208_988_800_000;
/** 9999-12-31: Postgres and ISO dates agree up to here. */
export const TIMESTAMP_MS_MAX = 253_402_300_799_999;
/** A tick whose event time is further than this past its record's timestamp is refused. */
export const FAR_FUTURE_MS = 60_000;

/** Control characters, the key separator, lone surrogates and the replacement character. */
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const FORBIDDEN_IN_NAME = /[\u0000-\u001f\u007f-\u009f|\ufffd]|^\s|\s$|\p{Surrogate}/u;

function nameFault(name: unknown, length_max: number): string | null {
  if (typeof name !== "string") return `must be a string: it is ${describe(name)}`;
  if (name.length === 0) return "must not be empty";
  if (name.length > length_max) {
    return `must have at most ${length_max} characters: it has ${name.length}`;
  }
  if (FORBIDDEN_IN_NAME.test(name)) {
    return `must hold no control character, "|", broken character or outer space: it is ${
      describe(name)
    }`;
  }
  return null;
}

/**
 * Judges whether a value can name a source.
 *
 * @param source What came as a source's name.
 * @returns Null if it can, otherwise what is wrong.
 */
export function sourceFault(source: unknown): Fault | null {
  const fault = nameFault(source, SOURCE_LENGTH_MAX);
  return fault === null ? null : { reason: "source_invalid", message: `source ${fault}` };
}

/**
 * Judges whether a value can name a symbol.
 *
 * @param symbol What came as a symbol.
 * @returns Null if it can, otherwise what is wrong.
 */
export function symbolFault(symbol: unknown): Fault | null {
  const fault = nameFault(symbol, SYMBOL_LENGTH_MAX);
  return fault === null ? null : { reason: "symbol_invalid", message: `symbol ${fault}` };
}

/**
 * Says how a value looks, shortened so that a message stays a line.
 *
 * @param value Anything.
 * @returns At most about 60 characters.
 */
export function describe(value: unknown): string {
  let text: string;
  if (typeof value === "string") text = JSON.stringify(value.slice(0, 80));
  else if (value === undefined) return "absent";
  else if (Array.isArray(value)) return `an array of ${value.length}`;
  else if (typeof value === "object" && value !== null) return "an object";
  else text = String(value);
  return text.length > 60 ? text.slice(0, 57) + "…" : text;
}

/** Symbols and sources seen to be well-formed: a regular expression a tick would cost too much. */
const KNOWN_NAMES_MAX = 200_000;
const knownSymbols = new Set<string>();
const knownSources = new Set<string>();

function remember(known: Set<string>, name: string): void {
  if (known.size >= KNOWN_NAMES_MAX) known.clear();
  known.add(name);
}

/**
 * Judges whether a decoded value is a tick.
 *
 * @param value What JSON.parse gave, or what a door made.
 * @returns Null if it is a tick (the caller may then take it as `Tick`), otherwise what is wrong.
 */
export function tickFault(value: unknown): Fault | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return {
      reason: "not_an_object",
      message: `A tick must be an object: it is ${describe(value)}`,
    };
  }
  const { symbol, price, volume, timestamp, source, trade_id, price_forming } = value as {
    [field: string]: unknown;
  };
  if (!knownSymbols.has(symbol as string)) {
    const fault = symbolFault(symbol);
    if (fault) return fault;
    remember(knownSymbols, symbol as string);
  }
  if (typeof price !== "number" || !(price > 0 && price <= PRICE_MAX)) {
    return {
      reason: "price_invalid",
      message: `price must be a number over 0 and at most ${PRICE_MAX}: it is ${describe(price)}`,
    };
  }
  if (typeof volume !== "number" || !(volume >= 0 && volume <= VOLUME_MAX)) {
    return {
      reason: "volume_invalid",
      message: `volume must be a number from 0 to ${VOLUME_MAX}: it is ${describe(volume)}`,
    };
  }
  if (
    typeof timestamp !== "number" || !Number.isSafeInteger(timestamp) ||
    timestamp < TIMESTAMP_MS_MIN || timestamp > TIMESTAMP_MS_MAX
  ) {
    return {
      reason: "timestamp_invalid",
      message:
        `timestamp must be whole milliseconds since the epoch between the years 1900 and 9999: it is ${
          describe(timestamp)
        }`,
    };
  }
  if (!knownSources.has(source as string)) {
    const fault = sourceFault(source);
    if (fault) return fault;
    remember(knownSources, source as string);
  }
  if (trade_id !== undefined) {
    if (
      typeof trade_id !== "string" || trade_id.length > TRADE_ID_LENGTH_MAX ||
      trade_id.includes("\u0000") || !trade_id.isWellFormed()
    ) {
      return {
        reason: "trade_id_invalid",
        message:
          `trade_id must be a string of at most ${TRADE_ID_LENGTH_MAX} characters without a null: it is ${
            describe(trade_id)
          }`,
      };
    }
  }
  if (price_forming !== undefined && typeof price_forming !== "boolean") {
    return {
      reason: "price_forming_invalid",
      message: `price_forming must be true or false: it is ${describe(price_forming)}`,
    };
  }
  return null;
}

/**
 * Judges whether a tick's event time is too far past the time at which it came in.
 *
 * @param timestamp Event time, ms.
 * @param ingest_ms The record's timestamp (time of ingest), ms.
 * @returns Null if it is not.
 */
export function farFutureFault(timestamp: number, ingest_ms: number): Fault | null {
  if (timestamp <= ingest_ms + FAR_FUTURE_MS) return null;
  return {
    reason: "far_future",
    message: `timestamp ${timestamp} is ${
      ((timestamp - ingest_ms) / 1000).toFixed(1)
    } s past the time of ingest ${ingest_ms}; at most ${FAR_FUTURE_MS / 1000} s are taken`,
  };
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** A Kafka value: bytes, decoded fast where they are a Node Buffer. */
export type Bytes = Uint8Array;

/**
 * Decodes a record's value into a tick, once.
 *
 * @param bytes The value as Kafka holds it; null for a tombstone.
 * @returns The tick, or what is wrong with it.
 */
export function decodeTick(bytes: Bytes | null): { tick: Tick } | { fault: Fault } {
  const scanned = bytes === null ? null : scanTick(bytes);
  const decoded = scanned === null ? decodeJson(bytes) : { value: scanned };
  if ("fault" in decoded) return decoded;
  const fault = tickFault(decoded.value);
  return fault ? { fault } : { tick: decoded.value as Tick };
}

/**
 * Decodes bytes as UTF-8 JSON.
 *
 * @param bytes The bytes; null or empty for a tombstone.
 * @returns The value, or why there is none.
 */
export function decodeJson(bytes: Bytes | null): { value: unknown } | { fault: Fault } {
  if (bytes === null || bytes.length === 0) {
    return { fault: { reason: "empty_value", message: "The record has no value (a tombstone)" } };
  }
  const text = lenientUtf8.decode(bytes);
  if (text.includes("\ufffd") && !isUtf8(bytes)) {
    return { fault: { reason: "not_utf8", message: "The value is not valid UTF-8" } };
  }
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return {
      fault: {
        reason: "not_json",
        message: `The value is not JSON: ${(error as Error).message}; it starts ${describe(text)}`,
      },
    };
  }
}

function isUtf8(bytes: Bytes): boolean {
  try {
    strictUtf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes a tick at a door: takes the known fields of what came in, sets the source, judges it.
 *
 * @param source What the door calls itself.
 * @param value What came in, decoded.
 * @returns A new tick, or what is wrong.
 */
export function admitTick(source: string, value: unknown): { tick: Tick } | { fault: Fault } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { fault: tickFault(value)! };
  }
  const { symbol, price, volume, timestamp, trade_id, price_forming } = value as {
    [field: string]: unknown;
  };
  const tick: { [field: string]: unknown } = { symbol, price, volume, timestamp, source };
  if (trade_id !== undefined && trade_id !== null) tick.trade_id = trade_id;
  if (price_forming !== undefined && price_forming !== null) tick.price_forming = price_forming;
  const fault = tickFault(tick);
  return fault ? { fault } : { tick: tick as unknown as Tick };
}

/** The part of a source that a metric label may carry: `replay/x.csv` → `replay`. */
export function sourceKind(source: string): string {
  const slash = source.indexOf("/");
  return slash < 0 ? source : source.slice(0, slash);
}
