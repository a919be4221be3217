/** A candle: what a window of one series says. One record a series, interval and window. */

/** The intervals that can be configured, and their lengths in milliseconds. */
export const INTERVAL_MS = {
  "1m": 60_000,
  "5m": 300_000,
  "15m": 900_000,
  "1h": 3_600_000,
} as const;

export type Interval = keyof typeof INTERVAL_MS;

/** Fields of a candle that readers use. Prices are null where no tick was price-forming. */
export interface Candle {
  source: string;
  symbol: string;
  interval: Interval;
  /** Milliseconds since the epoch, UTC. */
  window_start: number;
  open: number | null;
  high: number | null;
  low: number | null;
  close: number | null;
  /** Over all ticks, price-forming or not. */
  volume: number;
  trades: number;
  /** Σ price·volume / Σ volume over price-forming ticks; null at zero volume. */
  vwap: number | null;
  /** Mean of price-forming prices. */
  average_price: number | null;
  /**
   * Mean over the last N seconds of event time, N by config; after a restart it is null until its
   * span has passed again.
   */
  sliding_average_price: number | null;
  /** (close − open) / open × 100. */
  change_pct: number | null;
  /** The watermark has passed the window's end. */
  final: boolean;
}

/**
 * What a candle is made from: enough to go on with the window after a restart.
 * Each sum has the running error of Neumaier's summation beside it, so that the order of ticks
 * does not show (A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher
 * Summen", 1974).
 */
export interface CandleSums {
  open_time: number | null;
  close_time: number | null;
  price_ticks: number;
  price_sum: number;
  price_sum_error: number;
  price_volume_sum: number;
  price_volume_sum_error: number;
  forming_volume_sum: number;
  forming_volume_sum_error: number;
  volume_sum: number;
  volume_sum_error: number;
  /** The newest event time of the series when this was written, ms. */
  newest_event_time: number;
}

/** The record in the output topic: the candle with what it is made from. */
export interface CandleRecord extends Candle {
  sums: CandleSums;
}

/**
 * The key of a candle's record: source|symbol|interval|window_start.
 * Sources and symbols hold no "|" (contract/tick.ts refuses it).
 */
export function candleKey(
  source: string,
  symbol: string,
  interval: Interval,
  window_start: number,
): string {
  return `${source}|${symbol}|${interval}|${window_start}`;
}

/**
 * The start of the window that holds an event time.
 *
 * @param timestamp Event time, ms; may be negative (before 1970).
 * @param length_ms The window's length.
 */
export function windowStart(timestamp: number, length_ms: number): number {
  return Math.floor(timestamp / length_ms) * length_ms;
}
