/**
 * The mean of price-forming prices over the last N seconds of event time, in whole seconds: a ring
 * with one sum and one count a second, so that memory does not grow with the rate. Pure.
 */

/** A series' ring. */
export interface SlidingAverage {
  span_seconds: number;
  /** Sum and count of each second, at index 2 × (second mod length) and the one after it. */
  buckets: Float64Array;
  length: number;
  /** The newest second that holds a price; the ring reaches back `length` seconds from it. */
  newest_second: number | null;
  /** Before this second the mean is not known: the ring was lost in a restart. */
  known_from_second: number;
}

/**
 * An empty ring.
 *
 * @param span_seconds N.
 * @param lateness_seconds How far behind the newest second a price or a question may be.
 */
export function openSlidingAverage(
  span_seconds: number,
  lateness_seconds: number,
): SlidingAverage {
  const length = span_seconds + Math.ceil(lateness_seconds) + 1;
  return {
    span_seconds,
    buckets: new Float64Array(2 * length),
    length,
    newest_second: null,
    known_from_second: -Infinity,
  };
}

/**
 * Notes that prices up to an event time (ms) were lost in a restart: the mean is not known until the
 * span has passed again.
 */
export function noteLost(ring: SlidingAverage, newest_lost: number): void {
  const known_from_second = Math.floor(newest_lost / 1000) + ring.span_seconds;
  ring.known_from_second = Math.max(ring.known_from_second, known_from_second);
}

function slot(ring: SlidingAverage, second: number): number {
  return 2 * (((second % ring.length) + ring.length) % ring.length);
}

/** Takes a price at an event time (ms). One older than the ring reaches back is of no effect. */
export function addPrice(ring: SlidingAverage, timestamp: number, price: number): void {
  const second = Math.floor(timestamp / 1000);
  if (ring.newest_second === null || second - ring.newest_second >= ring.length) {
    ring.buckets.fill(0);
    ring.newest_second = second;
  } else if (second > ring.newest_second) {
    for (let passed = ring.newest_second + 1; passed <= second; passed++) {
      const at = slot(ring, passed);
      ring.buckets[at] = 0;
      ring.buckets[at + 1] = 0;
    }
    ring.newest_second = second;
  } else if (second <= ring.newest_second - ring.length) {
    return;
  }
  const at = slot(ring, second);
  ring.buckets[at]! += price;
  ring.buckets[at + 1]!++;
}

/**
 * The mean over the N seconds that end with the second of an event time.
 *
 * @param ring The ring.
 * @param as_of Event time, ms.
 * @returns Null where there is no price in the span, or the span is not known.
 */
export function meanAsOf(ring: SlidingAverage, as_of: number): number | null {
  const last = Math.floor(as_of / 1000);
  if (ring.newest_second === null || last < ring.known_from_second) return null;
  const first = Math.max(last - ring.span_seconds + 1, ring.newest_second - ring.length + 1);
  let sum = 0;
  let count = 0;
  for (let second = first; second <= Math.min(last, ring.newest_second); second++) {
    const at = slot(ring, second);
    sum += ring.buckets[at]!;
    count += ring.buckets[at + 1]!;
  }
  return count === 0 ? null : sum / count;
}
