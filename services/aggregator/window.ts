/** One window of one series: takes ticks, tells its candle. Pure. */
import type { Candle, CandleRecord, CandleSums, Interval } from "../../contract/candle.ts";
import type { Tick } from "../../contract/tick.ts";

/** A window: the candle's parts as they stand, flat because every tick touches them. */
export interface Window extends CandleSums {
  interval: Interval;
  window_start: number;
  /** Event times from here on belong to a later window. */
  window_end: number;
  open: number | null;
  high: number | null;
  low: number | null;
  close: number | null;
  trades: number;
  final: boolean;
  /** The sliding average as of the window's end, fixed when it became final. */
  final_sliding_average: number | null;
  /** It differs from what was last written. */
  changed: boolean;
  /** Number of the flush that last wrote it; 0 for none since the restore. */
  written_flush: number;
}

/** An empty window. */
export function openWindow(interval: Interval, window_start: number, length_ms: number): Window {
  return {
    interval,
    window_start,
    window_end: window_start + length_ms,
    open: null,
    high: null,
    low: null,
    close: null,
    trades: 0,
    final: false,
    open_time: null,
    close_time: null,
    price_ticks: 0,
    price_sum: 0,
    price_sum_error: 0,
    price_volume_sum: 0,
    price_volume_sum_error: 0,
    forming_volume_sum: 0,
    forming_volume_sum_error: 0,
    volume_sum: 0,
    volume_sum_error: 0,
    newest_event_time: 0,
    final_sliding_average: null,
    changed: false,
    written_flush: 0,
  };
}

/** What Neumaier's summation adds to the running error when `value` is added to `sum`. */
function summationError(sum: number, value: number): number {
  const next = sum + value;
  return Math.abs(sum) >= Math.abs(value) ? (sum - next) + value : (value - next) + sum;
}

/**
 * Takes a tick into a window. Open and close go by event time, ties by arrival; a tick that is not
 * price-forming counts in volume and trades only.
 *
 * @param window The window that holds the tick's event time.
 * @param tick A valid tick of the window's series.
 */
export function addTick(window: Window, tick: Tick): void {
  const { price, volume, timestamp } = tick;
  window.changed = true;
  window.trades++;
  window.volume_sum_error += summationError(window.volume_sum, volume);
  window.volume_sum += volume;
  if (tick.price_forming === false) return;

  if (window.open_time === null || timestamp < window.open_time) {
    window.open = price;
    window.open_time = timestamp;
  }
  if (window.close_time === null || timestamp >= window.close_time) {
    window.close = price;
    window.close_time = timestamp;
  }
  if (window.high === null || price > window.high) window.high = price;
  if (window.low === null || price < window.low) window.low = price;
  const price_volume = price * volume;
  window.price_ticks++;
  window.price_sum_error += summationError(window.price_sum, price);
  window.price_sum += price;
  window.price_volume_sum_error += summationError(window.price_volume_sum, price_volume);
  window.price_volume_sum += price_volume;
  window.forming_volume_sum_error += summationError(window.forming_volume_sum, volume);
  window.forming_volume_sum += volume;
}

/**
 * The record of a window: its candle, and what a restart needs to go on with it.
 *
 * @param source The series' source.
 * @param symbol The series' symbol.
 * @param window The window.
 * @param newest_event_time The series' newest event time, ms.
 * @param sliding_average_price The series' sliding average as of the window's last moment.
 */
export function candleRecord(
  source: string,
  symbol: string,
  window: Window,
  newest_event_time: number,
  sliding_average_price: number | null,
): CandleRecord {
  const forming_volume = window.forming_volume_sum + window.forming_volume_sum_error;
  const price_volume = window.price_volume_sum + window.price_volume_sum_error;
  const { open, close } = window;
  const candle: Candle = {
    source,
    symbol,
    interval: window.interval,
    window_start: window.window_start,
    open,
    high: window.high,
    low: window.low,
    close,
    volume: window.volume_sum + window.volume_sum_error,
    trades: window.trades,
    vwap: forming_volume > 0 ? price_volume / forming_volume : null,
    average_price: window.price_ticks > 0
      ? (window.price_sum + window.price_sum_error) / window.price_ticks
      : null,
    sliding_average_price,
    change_pct: open !== null && close !== null ? (close - open) / open * 100 : null,
    final: window.final,
  };
  const sums: CandleSums = {
    open_time: window.open_time,
    close_time: window.close_time,
    price_ticks: window.price_ticks,
    price_sum: window.price_sum,
    price_sum_error: window.price_sum_error,
    price_volume_sum: window.price_volume_sum,
    price_volume_sum_error: window.price_volume_sum_error,
    forming_volume_sum: window.forming_volume_sum,
    forming_volume_sum_error: window.forming_volume_sum_error,
    volume_sum: window.volume_sum,
    volume_sum_error: window.volume_sum_error,
    newest_event_time,
  };
  return { ...candle, sums };
}

/**
 * The window that a record was made from.
 *
 * @param record As `candleRecord` made it.
 * @param length_ms The interval's length.
 */
export function restoreWindow(record: CandleRecord, length_ms: number): Window {
  return {
    ...openWindow(record.interval, record.window_start, length_ms),
    ...record.sums,
    open: record.open,
    high: record.high,
    low: record.low,
    close: record.close,
    trades: record.trades,
    final: record.final,
    final_sliding_average: record.final ? record.sliding_average_price : null,
  };
}
