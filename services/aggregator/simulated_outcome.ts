/** What must come of simulated input, worked out plainly, and what has come of it. */
import { Buffer } from "node:buffer";
import {
  candleKey,
  type CandleRecord,
  type Interval,
  INTERVAL_MS,
  windowStart,
} from "../../contract/candle.ts";
import { DEAD_LETTER_HEADERS } from "../../contract/dead_letter.ts";
import { addChecksum, tickHash } from "../../contract/ledger.ts";
import { minuteOf, RECORD_KIND_HEADER, type StateRecord } from "../../contract/records.ts";
import { FAR_FUTURE_MS, type Tick } from "../../contract/tick.ts";
import {
  aggregatorMinutes,
  startAggregatorCount,
  takeCandleTopicRecord,
} from "../../infra/ledger/aggregator_count.ts";
import type { WindowRules } from "./series.ts";
import type { Drawn } from "./simulated_input.ts";
import { committedRecords, type SimulatedKafka } from "./simulated_kafka.ts";

/** What is compared of a candle; the sliding average apart, since a restart may forget it. */
const FIELDS = [
  ...["open", "high", "low", "close", "volume", "trades", "vwap", "average_price"] as const,
  ...["change_pct", "final"] as const,
] as const;

type PlainCandle = Pick<CandleRecord, (typeof FIELDS)[number] | "sliding_average_price">;

/** What must come of some input. */
export interface Expected {
  candles: Map<string, PlainCandle>;
  /** By minute: processed, checksum, discarded. */
  minutes: Map<number, string>;
  /** Reasons by offset. */
  letters: Map<string, string>;
  /** How many ticks of the records below each offset are in windows. */
  taken_below: number[];
}

/**
 * Works out what must come of some input, by the definitions of the contract.
 *
 * @param drawn The input, in order.
 * @param rules Windows and lateness.
 */
export function expectedOutcome(drawn: readonly Drawn[], rules: WindowRules): Expected {
  const reached = new Map<string, number>();
  const taken: Tick[] = [];
  const minutes = new Map<number, { processed: number; checksum: number; discarded: number }>();
  const letters = new Map<string, string>();
  const taken_below = [0];
  const mark = (source: string, symbol: string): number =>
    Math.max(
      reached.get(source) ?? -Infinity,
      ...taken.filter((tick) => tick.source === source && tick.symbol === symbol)
        .map(({ timestamp }) => timestamp),
    ) - rules.allowed_lateness_ms;

  for (const { record, ingest_ms, meaning } of drawn) {
    let reason: string | null = null;
    if (meaning.kind === "bad") reason = meaning.reason;
    if (meaning.kind === "marker") {
      const { source, event_time, ended } = meaning;
      if (event_time !== null && event_time > ingest_ms + FAR_FUTURE_MS) {
        reason = "marker_malformed";
      } else {
        const told = ended ? Infinity : event_time ?? -Infinity;
        reached.set(source, Math.max(reached.get(source) ?? -Infinity, told));
      }
    }
    if (meaning.kind === "tick") {
      const { tick } = meaning;
      if (tick.timestamp > ingest_ms + FAR_FUTURE_MS) reason = "far_future";
      else if (tick.timestamp < mark(tick.source, tick.symbol)) reason = "late";
    }
    if (reason !== null) letters.set(record.offset, reason);
    // Of markers the ledger counts none.
    if (meaning.kind === "tick" || reason !== null && reason !== "marker_malformed") {
      const minute = minuteOf(ingest_ms);
      const count = minutes.get(minute) ?? { processed: 0, checksum: 0, discarded: 0 };
      minutes.set(minute, count);
      if (reason !== null) count.discarded++;
      else if (meaning.kind === "tick") {
        count.processed++;
        count.checksum = addChecksum(count.checksum, tickHash(meaning.tick));
        taken.push(meaning.tick);
      }
    }
    taken_below.push(taken.length);
  }
  return {
    candles: plainCandles(taken, rules, mark),
    minutes: new Map([...minutes].map(([minute, count]) => [minute, countText(count)])),
    letters,
    taken_below,
  };
}

function countText(count: { processed: number; checksum: number; discarded: number }): string {
  return `${count.processed} processed (${count.checksum}), ${count.discarded} discarded`;
}

function plainCandles(
  taken: readonly Tick[],
  rules: WindowRules,
  mark: (source: string, symbol: string) => number,
): Map<string, PlainCandle> {
  const groups = new Map<string, { interval: Interval; start: number; ticks: Tick[] }>();
  for (const tick of taken) {
    for (const interval of rules.intervals) {
      const start = windowStart(tick.timestamp, INTERVAL_MS[interval]);
      const key = candleKey(tick.source, tick.symbol, interval, start);
      const group = groups.get(key) ?? { interval, start, ticks: [] };
      group.ticks.push(tick);
      groups.set(key, group);
    }
  }
  const candles = new Map<string, PlainCandle>();
  for (const [key, { interval, start, ticks }] of groups) {
    const { source, symbol } = ticks[0]!;
    const end = start + INTERVAL_MS[interval];
    const slid = taken.filter((tick) =>
      tick.source === source && tick.symbol === symbol && tick.price_forming !== false &&
      tick.timestamp < end && tick.timestamp >= end - rules.sliding_average_seconds * 1000
    );
    candles.set(key, {
      ...plainCandle(ticks),
      sliding_average_price: mean(slid.map(({ price }) => price)),
      final: end <= mark(source, symbol),
    });
  }
  return candles;
}

function plainCandle(ticks: readonly Tick[]): Omit<PlainCandle, "sliding_average_price" | "final"> {
  // A stable sort: ticks of one event time stay in the order of arrival.
  const forming = ticks.filter((tick) => tick.price_forming !== false)
    .sort((left, right) => left.timestamp - right.timestamp);
  const prices = forming.map(({ price }) => price);
  const forming_volume = sum(forming.map(({ volume }) => volume));
  const turnover = sum(forming.map(({ price, volume }) => price * volume));
  const [open = null] = prices;
  const close = prices.at(-1) ?? null;
  return {
    open,
    high: open === null ? null : Math.max(...prices),
    low: open === null ? null : Math.min(...prices),
    close,
    volume: sum(ticks.map(({ volume }) => volume)),
    trades: ticks.length,
    vwap: forming_volume > 0 ? turnover / forming_volume : null,
    average_price: mean(prices),
    change_pct: open === null ? null : (close! - open) / open * 100,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : sum(values) / values.length;
}

/** What is known of how it came about. */
export interface Known {
  /** Every sliding average must be known: no process has ended before. */
  knows_all: boolean;
  /** The candle topic still holds every record: it was not compacted. */
  has_all: boolean;
  /** Kafka has lost markers: a letter may be there twice. */
  lost: boolean;
}

/**
 * Holds what Kafka has in the end against what must be there.
 *
 * @param kafka Everything in it is decided.
 * @param expected What must have come.
 * @param known How it came about.
 * @returns The first difference; null where there is none.
 */
export function difference(
  kafka: SimulatedKafka,
  expected: Expected,
  known: Known,
): string | null {
  const end = String(kafka.ticks.length);
  const records = [...kafka.candles, ...kafka.letters];
  if (kafka.open !== null || records.some(({ fate }) => fate === "undecided")) {
    return "a transaction is open in the end";
  }
  if (kafka.committed?.next_offset !== end) {
    return `the group's offset is ${kafka.committed?.next_offset}, and the topic ends at ${end}`;
  }
  return candleTopicDifference(kafka, expected, known) ??
    letterDifference(kafka, expected, known);
}

function candleTopicDifference(
  kafka: SimulatedKafka,
  expected: Expected,
  { knows_all, has_all }: Known,
): string | null {
  const candles = new Map<string, CandleRecord>();
  const count = startAggregatorCount();
  let in_windows = 0;
  let next_offset = 0;
  for (const { key, value, headers, offset } of committedRecords(kafka.candles)) {
    const kind = headers[RECORD_KIND_HEADER];
    const parsed: unknown = JSON.parse(String(value));
    if (kind === undefined) {
      const candle = parsed as CandleRecord;
      if (candle.interval === "1m") in_windows += candle.trades - (candles.get(key)?.trades ?? 0);
      candles.set(key, candle);
      continue;
    }
    const record = { offset: String(offset), key: Buffer.from(key), headers };
    takeCandleTopicRecord(count, { ...record, value: Buffer.from(String(value)) });
    if (kind !== "state") continue;
    const before = next_offset;
    next_offset = Number((parsed as StateRecord).next_offset);
    if (next_offset < before) return `a state goes back from offset ${before} to ${next_offset}`;
    const below = expected.taken_below[next_offset];
    if (has_all && in_windows !== below) {
      return `with offset ${next_offset} the windows hold ${in_windows} ticks instead of ${below}`;
    }
  }
  if (candles.size !== expected.candles.size) {
    return `${candles.size} candles instead of ${expected.candles.size}`;
  }
  for (const [key, plain] of expected.candles) {
    const text = candleDifference(candles.get(key), plain, knows_all);
    if (text !== null) return `${key}: ${text}`;
  }
  const minutes = aggregatorMinutes(count);
  for (const minute of new Set([...minutes.keys(), ...expected.minutes.keys()])) {
    const found = minutes.get(minute);
    const text = found && countText({
      processed: found.processed.count,
      checksum: found.processed.checksum,
      discarded: found.discarded,
    });
    const wanted = expected.minutes.get(minute);
    if (text !== wanted) return `minute ${minute} of the ledger: ${text} instead of ${wanted}`;
  }
  return null;
}

function candleDifference(
  found: CandleRecord | undefined,
  plain: PlainCandle,
  knows_all: boolean,
): string | null {
  if (found === undefined) return "it is missing";
  for (const field of FIELDS) {
    if (found[field] !== plain[field]) return `${field} ${found[field]} instead of ${plain[field]}`;
  }
  const { sliding_average_price: slid, final } = found;
  if (!final || slid === plain.sliding_average_price || slid === null && !knows_all) return null;
  return `sliding_average_price ${slid} instead of ${plain.sliding_average_price}`;
}

function letterDifference(
  kafka: SimulatedKafka,
  expected: Expected,
  { lost }: Known,
): string | null {
  const letters = new Map<string, string>();
  for (const { headers } of committedRecords(kafka.letters)) {
    const offset = String(headers[DEAD_LETTER_HEADERS.offset]);
    if (letters.has(offset) && !lost) return `two letters of offset ${offset}`;
    letters.set(offset, String(headers[DEAD_LETTER_HEADERS.class]));
  }
  for (const offset of new Set([...letters.keys(), ...expected.letters.keys()])) {
    const reason = letters.get(offset);
    const wanted = expected.letters.get(offset);
    if (reason !== wanted) return `the letter of offset ${offset}: ${reason} instead of ${wanted}`;
  }
  return null;
}
