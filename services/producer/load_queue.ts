/** The bounded queue between the sources and the one sender. */
import { type Load, loadWeight } from "./load.ts";

/** A load and when it was queued. */
export interface QueuedLoad {
  load: Load;
  /** How many of a tick load's ticks have been taken. */
  taken: number;
  queued_at_ms: number;
}

/** First in, first out; bounded by the weight of what waits. */
export interface LoadQueue {
  /** Queues a load if there is room for the whole of it now, and nobody waits in front. */
  offer(load: Load): boolean;
  /**
   * Queues a load as soon as there is room; a load larger than the queue goes in when it is empty.
   *
   * @returns False where the signal was aborted first; the load is then not queued.
   */
  put(load: Load, signal: AbortSignal): Promise<boolean>;
  /** The oldest load; it stays in the queue until `remove`. */
  peek(): QueuedLoad | undefined;
  /** Removes the oldest load. */
  remove(): void;
  /** Takes some of the oldest load's ticks, so that there is room for others. */
  takeTicks(count: number): void;
  /** Ticks, or what weighs as much, that wait. */
  depth(): number;
  /** True while loads that can't wait find no room: for a second after each that did not. */
  isTurningAway(): boolean;
  /** Resolves at the next change of the queue: something came in, or `wake` was called. */
  changed(): Promise<void>;
  /** Wakes whoever waits for a change. */
  wake(): void;
}

const TURNING_AWAY_MS = 1_000;

interface Waiter {
  load: Load;
  weight: number;
  resolve: (queued: boolean) => void;
}

/**
 * Makes a queue.
 *
 * @param capacity Most weight that waits (`loadWeight`), in ticks.
 * @param now The clock.
 */
export function createLoadQueue(capacity: number, now: () => number = Date.now): LoadQueue {
  const loads: QueuedLoad[] = [];
  let first = 0;
  let depth = 0;
  let turned_away_at_ms = -Infinity;
  const waiters: Waiter[] = [];
  let change: { promise: Promise<void>; resolve: () => void } | null = null;

  const hasRoom = (weight: number): boolean => depth === 0 || depth + weight <= capacity;

  function add(load: Load, weight: number): void {
    loads.push({ load, taken: 0, queued_at_ms: now() });
    depth += weight;
    wake();
  }

  function wake(): void {
    change?.resolve();
    change = null;
  }

  function admitWaiters(): void {
    while (waiters.length > 0 && hasRoom(waiters[0]!.weight)) {
      const waiter = waiters.shift()!;
      add(waiter.load, waiter.weight);
      waiter.resolve(true);
    }
  }

  function enqueue(load: Load): boolean {
    const weight = loadWeight(load);
    if (waiters.length > 0 || !hasRoom(weight)) return false;
    add(load, weight);
    return true;
  }

  return {
    offer(load) {
      const queued = enqueue(load);
      if (!queued) turned_away_at_ms = now();
      return queued;
    },
    put(load, signal) {
      if (signal.aborted) return Promise.resolve(false);
      if (enqueue(load)) return Promise.resolve(true);
      return new Promise((resolve) => {
        const give_up = (): void => {
          waiters.splice(waiters.indexOf(waiter), 1);
          resolve(false);
        };
        const waiter: Waiter = {
          load,
          weight: loadWeight(load),
          resolve(queued) {
            signal.removeEventListener("abort", give_up);
            resolve(queued);
          },
        };
        waiters.push(waiter);
        signal.addEventListener("abort", give_up, { once: true });
      });
    },
    peek: () => loads[first],
    remove() {
      const removed = loads[first++];
      if (removed === undefined) return;
      depth -= loadWeight(removed.load) - removed.taken;
      // The array is cut now and then, not at each removal.
      if (first > 1_000 || first === loads.length) loads.splice(0, first), first = 0;
      admitWaiters();
    },
    takeTicks(count) {
      loads[first]!.taken += count;
      depth -= count;
      admitWaiters();
    },
    depth: () => depth,
    isTurningAway: () => now() - turned_away_at_ms < TURNING_AWAY_MS,
    changed() {
      if (change === null) {
        const { promise, resolve } = Promise.withResolvers<void>();
        change = { promise, resolve };
      }
      return change.promise;
    },
    wake,
  };
}
