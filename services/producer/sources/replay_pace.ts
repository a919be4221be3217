/** When a replayed tick is due: by event time, sped up by a factor. */

/** Tells when ticks are due. */
export interface Pace {
  /**
   * @param timestamp Event time, ms.
   * @returns When it is due by the clock, ms; a tick older than the first is due at once.
   */
  due_ms(timestamp: number): number;
}

/**
 * Makes a pace that begins with the first tick asked for.
 *
 * @param factor 1 is real time, 60 makes a minute last a second; null: everything is due at once.
 * @param now The clock.
 */
export function createPace(factor: number | null, now: () => number = Date.now): Pace {
  if (factor === null) return { due_ms: () => -Infinity };
  let first: { timestamp: number; sent_at_ms: number } | null = null;
  return {
    due_ms(timestamp) {
      first ??= { timestamp, sent_at_ms: now() };
      return first.sent_at_ms + (timestamp - first.timestamp) / factor;
    },
  };
}
