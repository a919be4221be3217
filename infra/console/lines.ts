/** Ticks and candles as lines for people: aligned, coloured where a terminal shows it. Pure. */
import type { IHeaders } from "kafkajs";
import type { Candle } from "../../contract/candle.ts";
import { RECORD_KIND_HEADER } from "../../contract/records.ts";
import { decodeJson, decodeTick, type Tick, TIMESTAMP_MS_MAX } from "../../contract/tick.ts";
import { printable } from "../printable.ts";

/** A record of either topic. */
export interface ShownRecord {
  value: Uint8Array | null;
  headers?: IHeaders;
}

/** What to show, and how. */
export interface LineOptions {
  /** Null: all symbols. */
  symbols: ReadonlySet<string> | null;
  /** Candles that will still change too, each time that they do. */
  open_candles: boolean;
  colour: boolean;
}

/** Makes lines. A record that is not to be shown gives null. */
export interface LineMaker {
  tick(record: ShownRecord): string | null;
  candle(record: ShownRecord): string | null;
}

const GREEN = "\x1b[32m";
const RED = "\x1b[31m";
const CYAN = "\x1b[36m";
const DIM = "\x1b[2m";
const YELLOW = "\x1b[33m";
const RESET = "\x1b[0m";

/** Last prices held, for the colour: one a series. */
const SERIES_MAX = 50_000;

/**
 * Makes a line maker. It remembers the last price of each series, so that a rise is green and a
 * fall is red.
 *
 * @param options What to show, and how.
 */
export function createLineMaker(options: LineOptions): LineMaker {
  const { symbols, open_candles } = options;
  const prices = new Map<string, number>();
  const paint = (colour: string, text: string): string =>
    options.colour && colour !== "" ? `${colour}${text}${RESET}` : text;

  function directionOf(tick: Tick): string {
    const series = `${tick.source}|${tick.symbol}`;
    const before = prices.get(series);
    if (prices.size >= SERIES_MAX) prices.clear();
    prices.set(series, tick.price);
    if (before === undefined || before === tick.price) return "";
    return tick.price > before ? GREEN : RED;
  }

  return {
    tick(record) {
      if (record.headers?.[RECORD_KIND_HEADER] !== undefined) return null;
      const decoded = decodeTick(record.value);
      if ("fault" in decoded) {
        if (symbols !== null) return null;
        const text = `${" ".repeat(TIME_WIDTH)}  no tick ${printable(decoded.fault.message)}`;
        return paint(YELLOW, text);
      }
      const { tick } = decoded;
      if (symbols !== null && !symbols.has(tick.symbol)) return null;
      const direction = directionOf(tick);
      const aside = tick.price_forming === false ? "  not price-forming" : "";
      return `${paint(DIM, timeText(tick.timestamp))}  tick    ${
        tick.symbol.padEnd(SYMBOL_WIDTH)
      } ` +
        `${paint(direction, numberText(tick.price))} ${numberText(tick.volume)}  ` +
        paint(DIM, tick.source + aside);
    },
    candle(record) {
      if (record.headers?.[RECORD_KIND_HEADER] !== undefined) return null;
      const decoded = decodeJson(record.value);
      if ("fault" in decoded || !isCandle(decoded.value)) return null;
      const candle = decoded.value;
      if (!candle.final && !open_candles) return null;
      if (symbols !== null && !symbols.has(candle.symbol)) return null;
      const { open, high, low, close } = candle;
      const prices = ([["O", open], ["H", high], ["L", low], ["C", close]] as const)
        .map(([name, price]) => `${name} ${numberText(price)}`).join(" ");
      const text = `${timeText(candle.window_start)}  candle  ` +
        `${candle.symbol.padEnd(SYMBOL_WIDTH)} ${candle.interval.padStart(3)} ${prices} ` +
        `V ${numberText(candle.volume)} ${String(candle.trades).padStart(8)} trades  ` +
        `${candle.source}${candle.final ? "" : "  open"}`;
      return paint(candle.final ? CYAN : DIM, text);
    },
  };
}

/** Only the fields that a line shows: anybody can write to the topic. */
function isCandle(value: unknown): value is Candle {
  if (typeof value !== "object" || value === null) return false;
  const candle = value as { [field: string]: unknown };
  const texts = [candle.source, candle.symbol, candle.interval];
  const numbers = [candle.window_start, candle.volume, candle.trades];
  const prices = [candle.open, candle.high, candle.low, candle.close];
  return texts.every((text) => typeof text === "string" && printable(text) === text) &&
    numbers.every((number) => typeof number === "number") &&
    Math.abs(candle.window_start as number) <= TIMESTAMP_MS_MAX &&
    prices.every((price) => price === null || typeof price === "number");
}

const SYMBOL_WIDTH = 10;
const NUMBER_WIDTH = 14;
const TIME_WIDTH = 23;

/** Event time, UTC, to the millisecond: replays are of other days than today. */
function timeText(timestamp_ms: number): string {
  return new Date(timestamp_ms).toISOString().slice(0, -1).replace("T", " ").padEnd(TIME_WIDTH);
}

/** At most 8 decimals, few enough that the columns stay; "-" where there is no number. */
function numberText(value: number | null): string {
  if (value === null) return "-".padStart(NUMBER_WIDTH);
  const decimals = Math.abs(value) >= 1 ? 4 : 8;
  return (Number.isInteger(value) ? String(value) : value.toFixed(decimals))
    .padStart(NUMBER_WIDTH);
}
