/** Whether a group catches up, and when. Pure. */

/** How far behind a group was at a moment. */
export interface LagSample {
  at_ms: number;
  records: number;
}

/** How that goes on. */
export interface LagTrend {
  /** Records a second; below 0 where it catches up. 0 until there are two samples. */
  growth: number;
  /** Seconds; 0 where it is not behind, Infinity where it does not get nearer. */
  catch_up_s: number;
}

/** How far back a trend looks. */
export const TREND_SPAN_MS = 60_000;

/**
 * Adds a sample, and lets go of those that are too old.
 *
 * @param samples In the order of time.
 * @param sample The newest.
 */
export function addSample(samples: readonly LagSample[], sample: LagSample): LagSample[] {
  return [...samples, sample].filter(({ at_ms }) => at_ms >= sample.at_ms - TREND_SPAN_MS);
}

/**
 * The trend from the first of the samples to the last.
 *
 * @param samples In the order of time.
 */
export function trendOf(samples: readonly LagSample[]): LagTrend {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined) return { growth: 0, catch_up_s: 0 };
  const elapsed_s = (last.at_ms - first.at_ms) / 1000;
  const growth = elapsed_s > 0 ? (last.records - first.records) / elapsed_s : 0;
  if (last.records === 0) return { growth, catch_up_s: 0 };
  return { growth, catch_up_s: growth < 0 ? last.records / -growth : Infinity };
}
