/**
 * What Kafka has confirmed and no marker has reported yet, per partition: the producer's side of
 * the ledger. It travels in the tick topic itself (contract/records.ts, Marker).
 */
import { addChecksum } from "../../contract/ledger.ts";
import { type MinuteCount, minuteOf } from "../../contract/records.ts";

/** Ticks of one partition in one batch, and their checksum. */
export interface PartitionCount {
  ticks: number;
  checksum: number;
}

/** Confirmed and not reported yet. */
export interface Receipts {
  /**
   * @param timestamp_ms The records' timestamp (time of ingest).
   * @param counts By partition; what Kafka has just confirmed.
   */
  add(timestamp_ms: number, counts: readonly PartitionCount[]): void;
  /** Takes what a marker is to report for a partition: it is then reported. */
  take(partition: number): MinuteCount[];
  /** Partitions that have something to report. */
  unreported(): number[];
}

/**
 * Makes an empty set of receipts.
 *
 * @param partitions How many partitions the tick topic has.
 */
export function createReceipts(partitions: number): Receipts {
  const confirmed = Array.from({ length: partitions }, () => new Map<number, MinuteCount>());
  return {
    add(timestamp_ms, counts) {
      const minute = minuteOf(timestamp_ms);
      counts.forEach(({ ticks, checksum }, partition) => {
        if (ticks === 0) return;
        const minutes = confirmed[partition]!;
        const sum = minutes.get(minute) ?? { minute, ticks: 0, checksum: 0 };
        sum.ticks += ticks;
        sum.checksum = addChecksum(sum.checksum, checksum);
        minutes.set(minute, sum);
      });
    },
    take(partition) {
      const minutes = confirmed[partition]!;
      const taken = [...minutes.values()];
      minutes.clear();
      return taken;
    },
    unreported: () =>
      confirmed.flatMap((minutes, partition) => minutes.size > 0 ? [partition] : []),
  };
}
