/**
 * Batches on their way into the database while the next are being fetched: of a partition one at a
 * time, of all only so many at once.
 */
import { finishedBefore } from "../../runtime/backoff.ts";

/** Batches that are being stored. */
export interface Storing {
  /**
   * Waits until nothing of the partition is being stored and there is room, then begins.
   *
   * @param place `topic/partition`.
   * @param signal Ends the wait.
   * @param store Never fails; is given a signal which says that nobody wants it done any more.
   * @returns Whether it has begun.
   */
  begin(
    place: string,
    signal: AbortSignal,
    store: (dropped: AbortSignal) => Promise<void>,
  ): Promise<boolean>;
  /** Resolves when nothing of the partition is being stored; never fails. */
  ended(place: string): Promise<void>;
  /** Resolves when what is being stored now has ended; never fails. */
  allEnded(): Promise<void>;
  /** Tells some of those under way that nobody wants them stored any more. */
  drop(isDropped: (place: string) => boolean): void;
}

/**
 * Makes a keeper of batches.
 *
 * @param at_once_max How many partitions are stored at once.
 */
export function createStoring(at_once_max: number): Storing {
  const under_way = new Map<string, { ended: Promise<void>; dropping: AbortController }>();

  /** What has to end before a batch of the partition can begin; null for nothing. */
  function obstacle(place: string): Promise<void> | null {
    const own = under_way.get(place);
    if (own !== undefined) return own.ended;
    if (under_way.size < at_once_max) return null;
    return Promise.race([...under_way.values()].map(({ ended }) => ended));
  }

  return {
    async begin(place, signal, store) {
      for (let waits_for = obstacle(place); waits_for !== null; waits_for = obstacle(place)) {
        if (!await finishedBefore(signal, waits_for)) return false;
      }
      if (signal.aborted) return false;
      const dropping = new AbortController();
      const ended = store(dropping.signal).finally(() => under_way.delete(place));
      under_way.set(place, { ended, dropping });
      return true;
    },
    ended: async (place) => await under_way.get(place)?.ended,
    async allEnded() {
      await Promise.all([...under_way.values()].map(({ ended }) => ended));
    },
    drop(isDropped) {
      for (const [place, { dropping }] of under_way) if (isDropped(place)) dropping.abort();
    },
  };
}
