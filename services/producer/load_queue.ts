/** The bounded queue between the sources and the one sender. */
import { type Load, loadWeight } from "./load.ts";

/** A load and when it was queued, by the queue's clock. */
export interface QueuedLoad {
  load: Load;
  /** How many of a tick load's ticks have been taken. */
  taken: number;
  queued_at_ms: number;
}

/** First in, first out; bounded by the weight of what waits. */
export interface LoadQueue {
  /** Queues a load if there is room for the whole of it now: for sources that can't wait. */
  offer(load: Load): boolean;
  /**
   * Queues a load as soon as there is room, in the order in which it was asked; a load larger than
   * the queue goes in when it is empty. Loads that can wait leave a part of the queue free.
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
/** So much of the queue is for loads that can wait: a replay at full speed would fill all of it. */
const PATIENT_SHARE = 0.75;

interface Waiter {
  load: Load;
  weight: number;
  resolve: (queued: boolean) => void;
}

/**
 * Makes a queue.
 *
 * @param capacity Most weight that waits (`loadWeight`), in ticks.
 * @param now A clock that is never set back, ms: `queued_at_ms` is by it.
 */
export function createLoadQueue(
  capacity: number,
  now: () => number = () => performance.now(),
): LoadQueue {
  const loads: QueuedLoad[] = [];
  let first = 0;
  let depth = 0;
  let turned_away_at_ms = -Infinity;
  const waiters: Waiter[] = [];
  let change: { promise: Promise<void>; resolve: () => void } | null = null;

  const hasRoom = (weight: number, room: number): boolean => depth === 0 || depth + weight <= room;
  const patient_capacity = capacity * PATIENT_SHARE;

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
    while (waiters.length > 0 && hasRoom(waiters[0]!.weight, patient_capacity)) {
      const waiter = waiters.shift()!;
      add(waiter.load, waiter.weight);
      waiter.resolve(true);
    }
  }

  return {
    offer(load) {
      // It may pass those who wait: they are other sources, and nothing orders two sources.
      const weight = loadWeight(load);
      if (hasRoom(weight, capacity)) {
        add(load, weight);
        return true;
      }
      turned_away_at_ms = now();
      return false;
    },
    put(load, signal) {
      if (signal.aborted) return Promise.resolve(false);
      const weight = loadWeight(load);
      if (waiters.length === 0 && hasRoom(weight, patient_capacity)) {
        add(load, weight);
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const give_up = (): void => {
          waiters.splice(waiters.indexOf(waiter), 1);
          resolve(false);
        };
        const waiter: Waiter = {
          load,
          weight,
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
