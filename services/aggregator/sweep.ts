/**
 * Writes unchanged open windows again, all of them within one period, so that a restore reads a few
 * periods of output and not a day. Pure.
 */
import type { CandleRecord } from "../../contract/candle.ts";
import { recordOf, type Series, type SeriesBook } from "./series.ts";

/** One pass over all series, a share of them at each flush. */
export interface Sweep {
  /** The flush in which this pass began: whatever was written since needs no writing. */
  first_flush: number;
  /** Output offset of that flush's first record; null until it is sent. */
  first_offset: bigint | null;
  remaining: Iterator<Series>;
  done: boolean;
}

/** Starts a pass that begins with a flush. */
export function startSweep(book: SeriesBook, first_flush: number): Sweep {
  return { first_flush, first_offset: null, remaining: allSeries(book), done: false };
}

function* allSeries(book: SeriesBook): Generator<Series> {
  for (const progress of book.sources.values()) yield* progress.series.values();
}

/**
 * Goes on with a pass.
 *
 * @param sweep The pass.
 * @param flush Number of this flush.
 * @param count How many series to visit.
 * @param windows_max Enough windows: the series that brings so many is the last.
 * @returns The records of windows that nothing has written since the pass began.
 */
export function continueSweep(
  sweep: Sweep,
  flush: number,
  count: number,
  windows_max: number,
): CandleRecord[] {
  const records: CandleRecord[] = [];
  for (let visited = 0; visited < count && records.length < windows_max; visited++) {
    const { value: series, done } = sweep.remaining.next();
    if (done) {
      sweep.done = true;
      break;
    }
    for (const window of series.windows) {
      if (window.written_flush >= sweep.first_flush || window.changed) continue;
      window.written_flush = flush;
      records.push(recordOf(series, window));
    }
  }
  return records;
}
