/**
 * What the aggregator has taken and refused, by minute of the records' timestamps: its column in
 * the ledger. A segment of a minute starts with an input offset, so a restart needs no old counts.
 * Pure.
 */
import { addChecksum, tickHash } from "../../contract/ledger.ts";
import { type LedgerRecord, minuteOf } from "../../contract/records.ts";
import type { DiscardReason, Tick } from "../../contract/tick.ts";

interface Segment extends LedgerRecord {
  changed: boolean;
}

/** The segments that are still counted into, by minute. */
export interface LedgerCount {
  segments: Map<number, Segment>;
  /** The segment of the last record: nearly always the next one's too. */
  current: Segment | null;
}

/** Minutes held at once: records of one partition come nearly in order of their timestamps. */
const SEGMENTS_MAX = 8;

/** An empty count. */
export function openLedgerCount(): LedgerCount {
  return { segments: new Map(), current: null };
}

function segmentOf(count: LedgerCount, timestamp_ms: number, offset: string): Segment {
  const { current } = count;
  if (
    current !== null && timestamp_ms >= current.minute && timestamp_ms < current.minute + 60_000
  ) return current;
  const minute = minuteOf(timestamp_ms);
  let segment = count.segments.get(minute);
  if (!segment) {
    segment = {
      minute,
      first_offset: offset,
      processed: 0,
      checksum: 0,
      discarded: {},
      changed: false,
    };
    count.segments.set(minute, segment);
  }
  count.current = segment;
  return segment;
}

/**
 * Counts a tick that was taken.
 *
 * @param timestamp_ms The record's timestamp.
 * @param offset The record's offset.
 */
export function countProcessed(
  count: LedgerCount,
  timestamp_ms: number,
  offset: string,
  tick: Tick,
): void {
  const segment = segmentOf(count, timestamp_ms, offset);
  segment.processed++;
  segment.checksum = addChecksum(segment.checksum, tickHash(tick));
  segment.changed = true;
}

/** Counts a record that was refused and is in the dead letters. */
export function countDiscarded(
  count: LedgerCount,
  timestamp_ms: number,
  offset: string,
  reason: DiscardReason,
): void {
  const segment = segmentOf(count, timestamp_ms, offset);
  segment.discarded[reason] = (segment.discarded[reason] ?? 0) + 1;
  segment.changed = true;
}

/** Takes the records of all segments that have changed since the last call. */
export function takeLedgerRecords(count: LedgerCount): LedgerRecord[] {
  const records: LedgerRecord[] = [];
  for (const segment of count.segments.values()) {
    if (!segment.changed) continue;
    segment.changed = false;
    const { changed: _changed, ...record } = segment;
    records.push({ ...record, discarded: { ...segment.discarded } });
  }
  // All are written now, so the oldest may go: a late record of its minute starts a new segment.
  const over = count.segments.size - SEGMENTS_MAX;
  if (over > 0) {
    const minutes = [...count.segments.keys()].sort((left, right) => left - right);
    for (const minute of minutes.slice(0, over)) count.segments.delete(minute);
    count.current = null;
  }
  return records;
}
