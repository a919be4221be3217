/**
 * The series of one partition: their watermarks and windows. Pure: ticks and markers in, changed
 * candles out; the same records in the same order give the same candles.
 */
import {
  type CandleRecord,
  type Interval,
  INTERVAL_MS,
  windowStart,
} from "../../contract/candle.ts";
import type { SourceReached } from "../../contract/records.ts";
import type { Tick } from "../../contract/tick.ts";
import {
  addPrice,
  meanAsOf,
  noteLost,
  openSlidingAverage,
  type SlidingAverage,
} from "./sliding_average.ts";
import { addTick, candleRecord, openWindow, restoreWindow, type Window } from "./window.ts";

/** What windows are made, and how long they wait. */
export interface WindowRules {
  intervals: readonly Interval[];
  allowed_lateness_ms: number;
  sliding_average_seconds: number;
  /** Most series that a partition holds; a tick of one more is refused. */
  series_max: number;
}

/** How far a source has come in this partition. */
export interface SourceProgress {
  /** The event time that its markers have told, ms. */
  reached: number;
  ended: boolean;
  /** What it had reached when it was restored: before it, sliding averages are not known. */
  restored_at: number | null;
  series: Map<string, Series>;
}

/** One symbol of one source. */
export interface Series {
  source: string;
  symbol: string;
  progress: SourceProgress;
  newest_event_time: number;
  /** The window of each interval that took the last tick: nearly always the next one's too. */
  current: (Window | undefined)[];
  /** Windows that are open, or final and not yet written. */
  windows: Window[];
  /** The end of the window that closes next, ms. */
  next_close: number;
  sliding: SlidingAverage;
  /** The series has windows to write. */
  changed: boolean;
}

/** All series of a partition, by source and symbol. */
export interface SeriesBook {
  rules: WindowRules;
  lengths_ms: readonly number[];
  sources: Map<string, SourceProgress>;
  series_count: number;
  /** The newest event time of any series, or told by any source's marker, ms. */
  newest_event_time: number;
  /** How often event time went on: of a series by a tick, of a source by a marker. */
  advances: number;
  changed: Series[];
  /** How many windows a flush would write now. */
  windows_changed: number;
}

/** Why a valid tick is not taken. */
export type Refusal = "late" | "series_limit";

/** An empty book. */
export function openBook(rules: WindowRules): SeriesBook {
  return {
    rules,
    lengths_ms: rules.intervals.map((interval) => INTERVAL_MS[interval]),
    sources: new Map(),
    series_count: 0,
    newest_event_time: -Infinity,
    advances: 0,
    changed: [],
    windows_changed: 0,
  };
}

/** Most sources of a partition: all of them are in each state record. */
export const SOURCES_MAX = 500;

/**
 * The progress of a source. Where there are too many, the one that ended first makes room: its
 * ticks, should any come, would then be taken as a new source's.
 *
 * @returns Null where there is no room.
 */
function progressOf(book: SeriesBook, source: string): SourceProgress | null {
  const known = book.sources.get(source);
  if (known) return known;
  if (book.sources.size >= SOURCES_MAX) {
    const over = [...book.sources].find(([, { ended, series }]) => ended && series.size === 0);
    if (over === undefined) return null;
    book.sources.delete(over[0]);
  }
  const progress = { reached: -Infinity, ended: false, restored_at: null, series: new Map() };
  book.sources.set(source, progress);
  return progress;
}

/** Event times below it are late: newest event time, or what the source told, less the lateness. */
export function watermark(book: SeriesBook, series: Series): number {
  if (series.progress.ended) return Infinity;
  return Math.max(series.newest_event_time, series.progress.reached) -
    book.rules.allowed_lateness_ms;
}

/** The newest watermark of all series, ms; null before the first tick. */
export function newestWatermark({ newest_event_time, rules }: SeriesBook): number | null {
  return newest_event_time === -Infinity ? null : newest_event_time - rules.allowed_lateness_ms;
}

/**
 * Takes a tick into all windows that hold its event time.
 *
 * @param book The partition's series.
 * @param tick A valid tick.
 * @returns Null if it was taken, otherwise why not; nothing has changed then.
 */
export function takeTick(book: SeriesBook, tick: Tick): Refusal | null {
  const known = book.sources.get(tick.source);
  let series = known?.series.get(tick.symbol);
  if (series === undefined) {
    if (
      known && (known.ended || tick.timestamp < known.reached - book.rules.allowed_lateness_ms)
    ) {
      return "late";
    }
    const progress = book.series_count < book.rules.series_max
      ? progressOf(book, tick.source)
      : null;
    if (progress === null) return "series_limit";
    series = addSeries(book, progress, tick.source, tick.symbol);
    if (progress.restored_at !== null) noteLost(series.sliding, progress.restored_at);
  } else if (tick.timestamp < watermark(book, series)) return "late";

  if (tick.timestamp > series.newest_event_time) {
    series.newest_event_time = tick.timestamp;
    book.advances++;
    if (tick.timestamp > book.newest_event_time) book.newest_event_time = tick.timestamp;
    // What closes is told as of before this tick, whose event time may be far past the ring's span.
    if (series.next_close <= watermark(book, series)) closeWindows(book, series);
  }
  if (tick.price_forming !== false) addPrice(series.sliding, tick.timestamp, tick.price);
  for (let i = 0; i < book.lengths_ms.length; i++) {
    let window = series.current[i];
    if (
      window === undefined || tick.timestamp < window.window_start ||
      tick.timestamp >= window.window_end
    ) window = windowAt(book, series, i, tick.timestamp);
    if (!window.changed) book.windows_changed++;
    addTick(window, tick);
  }
  noteChange(book, series);
  return null;
}

function noteChange(book: SeriesBook, series: Series): void {
  if (series.changed) return;
  series.changed = true;
  book.changed.push(series);
}

function addSeries(
  book: SeriesBook,
  progress: SourceProgress,
  source: string,
  symbol: string,
): Series {
  const { rules } = book;
  const series: Series = {
    source,
    symbol,
    progress,
    newest_event_time: -Infinity,
    current: [],
    windows: [],
    next_close: Infinity,
    sliding: openSlidingAverage(rules.sliding_average_seconds, rules.allowed_lateness_ms / 1000),
    changed: false,
  };
  progress.series.set(symbol, series);
  book.series_count++;
  return series;
}

function windowAt(book: SeriesBook, series: Series, index: number, timestamp: number): Window {
  const length_ms = book.lengths_ms[index]!;
  const interval = book.rules.intervals[index]!;
  const start = windowStart(timestamp, length_ms);
  let window = series.windows.find((candidate) =>
    candidate.interval === interval && candidate.window_start === start && !candidate.final
  );
  if (window === undefined) {
    window = openWindow(interval, start, length_ms);
    series.windows.push(window);
    series.next_close = Math.min(series.next_close, window.window_end);
  }
  series.current[index] = window;
  return window;
}

/** Makes the windows final that the watermark has passed, and fixes their sliding average. */
function closeWindows(book: SeriesBook, series: Series): void {
  const mark = watermark(book, series);
  series.next_close = Infinity;
  for (const window of series.windows) {
    if (window.final) continue;
    if (window.window_end > mark) {
      series.next_close = Math.min(series.next_close, window.window_end);
      continue;
    }
    window.final = true;
    if (!window.changed) book.windows_changed++;
    window.changed = true;
    window.final_sliding_average = meanAsOf(series.sliding, window.window_end - 1);
    noteChange(book, series);
  }
  for (let i = 0; i < series.current.length; i++) {
    if (series.current[i]?.final) series.current[i] = undefined;
  }
}

/**
 * Takes a marker: the source has reached an event time, or has ended. Closes the windows that this
 * decides, and lets go of series that have nothing left to tell.
 *
 * @param event_time What the source has reached, ms; null where it has only ended.
 * @returns False where there is no room for one more source; nothing has changed then.
 */
export function takeMarker(
  book: SeriesBook,
  source: string,
  event_time: number | null,
  ended: boolean,
): boolean {
  const progress = progressOf(book, source);
  if (progress === null) return false;
  const before = progress.reached;
  if (event_time !== null && event_time > before) {
    progress.reached = event_time;
    book.advances++;
    if (event_time > book.newest_event_time) book.newest_event_time = event_time;
  }
  const ends_now = ended && !progress.ended;
  if (ends_now) progress.ended = true;
  if (progress.reached === before && !ends_now) return true;
  for (const series of progress.series.values()) {
    if (series.next_close <= watermark(book, series)) closeWindows(book, series);
  }
  return true;
}

/**
 * Lets go of series without a window whose watermark is known without them: those of an ended
 * source, and those so far behind what their source has reached that their sliding average is void.
 */
export function forgetQuietSeries(book: SeriesBook): void {
  const { allowed_lateness_ms, sliding_average_seconds } = book.rules;
  const quiet_ms = allowed_lateness_ms + (sliding_average_seconds + 1) * 1000;
  for (const progress of book.sources.values()) {
    for (const series of progress.series.values()) {
      const decided = progress.ended || progress.reached >= series.newest_event_time + quiet_ms;
      if (!decided || series.windows.length > 0 || series.changed) continue;
      progress.series.delete(series.symbol);
      book.series_count--;
    }
  }
}

/** The record of one window of a series as it stands. */
export function recordOf(series: Series, window: Window): CandleRecord {
  const sliding = window.final
    ? window.final_sliding_average
    : meanAsOf(series.sliding, Math.min(series.newest_event_time, window.window_end - 1));
  return candleRecord(series.source, series.symbol, window, series.newest_event_time, sliding);
}

/**
 * Takes the records of all windows that have changed since the last call, and lets go of those that
 * are final. A series' watermark is not lost with them: the window of its newest tick becomes final
 * only by what its source has told, and that is in the state record.
 *
 * @param book The partition's series.
 * @param flush Number of this flush, from 1.
 */
export function takeChanged(book: SeriesBook, flush: number): CandleRecord[] {
  const records: CandleRecord[] = [];
  for (const series of book.changed) {
    series.changed = false;
    for (const window of series.windows) {
      if (!window.changed) continue;
      window.changed = false;
      window.written_flush = flush;
      records.push(recordOf(series, window));
    }
    series.windows = series.windows.filter((window) => !window.final);
  }
  book.changed.length = 0;
  book.windows_changed = 0;
  return records;
}

/**
 * Puts the open windows of a restore into a book.
 *
 * @param book An empty book, its sources' progress restored before.
 * @param records The newest record of each candle.
 */
export function restoreSeries(book: SeriesBook, records: Iterable<CandleRecord>): void {
  for (const record of records) {
    const index = book.rules.intervals.indexOf(record.interval);
    if (index < 0 || record.final) continue;
    const progress = progressOf(book, record.source);
    if (progress === null) continue;
    const series = progress.series.get(record.symbol) ??
      addSeries(book, progress, record.source, record.symbol);
    // Its windows were written at different times: the newest of them tells what was lost.
    series.newest_event_time = Math.max(series.newest_event_time, record.sums.newest_event_time);
    noteLost(series.sliding, series.newest_event_time);
    const window = restoreWindow(record, book.lengths_ms[index]!);
    series.windows.push(window);
    series.next_close = Math.min(series.next_close, window.window_end);
  }
}

/** Sets how far sources had come, as a state record tells. */
export function restoreProgress(
  book: SeriesBook,
  reached: readonly SourceReached[],
): void {
  for (const { source, event_time, ended } of reached) {
    const progress = progressOf(book, source);
    if (progress === null) continue;
    progress.reached = event_time ?? -Infinity;
    progress.ended = ended;
    progress.restored_at = event_time;
  }
}
