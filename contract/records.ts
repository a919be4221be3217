/**
 * The records in our topics that are no ticks and no candles, told apart by one header.
 * A reader that does not know them skips whatever carries the header.
 */

/** Header that names the kind of a record which is neither tick nor candle. */
export const RECORD_KIND_HEADER = "tapeline-record";

/** Kinds: a marker (tick topic), a state or ledger record (output topic). */
export type RecordKind = "marker" | "state" | "ledger";

/** Headers of the last record that a replay put into a partition in one batch: run and line. */
export const REPLAY_RUN_HEADER = "tapeline-run";
export const REPLAY_LINE_HEADER = "tapeline-line";

/** A replayed dead letter is meant for the one stage that had refused it. */
export const ONLY_STAGE_HEADER = "tapeline-only-stage";

/** W3C trace context of a sampled tick. */
export const TRACEPARENT_HEADER = "traceparent";

/** What a producer confirms of one minute: how many ticks Kafka acknowledged, and their checksum. */
export interface MinuteCount {
  /** Start of the minute of the records' timestamps, ms. */
  minute: number;
  ticks: number;
  checksum: number;
}

/**
 * A marker in the tick topic. It says either or both of:
 * - "`source` has reached event time `event_time`" (`ended`: it will send no more), which moves the
 *   watermarks of the source's series in this partition;
 * - "since my last marker here Kafka acknowledged these ticks of mine in this partition"
 *   (`confirmed`), which the ledger holds against the topic. It covers every tick of the same Kafka
 *   producer id in this partition before the marker.
 */
export interface Marker {
  source: string;
  /** Names the producer's run; unique for each start. */
  run: string;
  event_time?: number;
  ended?: boolean;
  confirmed: MinuteCount[];
}

/** The event time that a source's markers told, ms (null for none), and whether it has ended. */
export interface SourceReached {
  source: string;
  event_time: number | null;
  ended: boolean;
}

/** One record in each of the aggregator's transactions: where it is, and what windows can't tell. */
export interface StateRecord {
  /** The next input offset, as a decimal string. */
  next_offset: string;
  /** How far sources have come, by their markers. */
  reached: SourceReached[];
  /** Output offset from where a restore must read, as a decimal string. */
  restore_from: string;
}

/**
 * The aggregator's count for a minute of record timestamps, from `first_offset` on. A restart
 * starts a new segment, so that counts need no restoring; the ledger adds the segments up.
 */
export interface LedgerRecord {
  minute: number;
  first_offset: string;
  processed: number;
  checksum: number;
  discarded: { [reason: string]: number };
}

/** Key of a partition's state record. */
export const STATE_KEY = "state";

/** Key of a ledger record. */
export function ledgerKey(minute: number, first_offset: string): string {
  return `ledger|${minute}|${first_offset}`;
}

/** The minute of a record's timestamp. */
export function minuteOf(timestamp_ms: number): number {
  return Math.floor(timestamp_ms / 60_000) * 60_000;
}
