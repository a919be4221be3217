/**
 * When a partition's flush is due. A flush writes each changed window once, however many ticks it
 * took, so rare flushes cost less a tick and frequent ones are sooner seen: one that is behind gains
 * more by catching up. Pure.
 */
import type { PartitionState } from "./partition_state.ts";

/** How long flushes wait, ms. */
export interface FlushIntervals {
  /** While the partition is up to date. */
  flush_interval_ms: number;
  /** While it is far behind. */
  flush_interval_max_ms: number;
}

/** What waiting for a flush may add to how late a partition is already. */
const DELAY_SHARE = 0.1;
/** A transaction must end well before its timeout, and what it writes is held in memory. */
const WINDOWS_MAX = 20_000;
const REFUSED_BYTES_MAX = 8_000_000;

/**
 * How long after the last flush the next one is due, ms.
 *
 * @param intervals What is configured.
 * @param behind_ms How old the newest record was when it was taken.
 */
export function flushInterval(intervals: FlushIntervals, behind_ms: number): number {
  const { flush_interval_ms, flush_interval_max_ms } = intervals;
  return Math.max(flush_interval_ms, Math.min(flush_interval_max_ms, behind_ms * DELAY_SHARE));
}

/** Whether as much waits as one transaction should write, whatever the time. */
export function isFull({ book, refused_bytes }: PartitionState): boolean {
  return book.windows_changed >= WINDOWS_MAX || refused_bytes >= REFUSED_BYTES_MAX;
}
