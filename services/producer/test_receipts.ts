/** For tests: whether the receipts in the markers agree with the ticks before them. */
import { addChecksum, tickHash } from "../../contract/ledger.ts";
import { minuteOf } from "../../contract/records.ts";
import type { TopicContent } from "./test_producer.ts";

/**
 * Compares, for each partition, Kafka producer id and minute, the ticks in the topic with what the
 * markers say was confirmed, and every marker with the ticks before it.
 *
 * @returns A sentence for each difference.
 */
export function receiptsDiffer({ ticks, markers }: TopicContent): string[] {
  const differences: string[] = [];
  const records = [
    ...ticks.map(({ tick, partition, record }) => ({ tick, marker: null, partition, record })),
    ...markers.map(({ marker, partition, record }) => ({ tick: null, marker, partition, record })),
  ].sort((left, right) =>
    left.partition - right.partition || Number(left.record.offset) - Number(right.record.offset)
  );
  const open = new Map<string, { ticks: number; checksum: number }>();
  for (const { tick, marker, partition, record } of records) {
    const prefix = `${partition}/${record.batchContext.producerId}/`;
    if (tick) {
      const key = prefix + minuteOf(Number(record.timestamp));
      const sum = open.get(key) ?? { ticks: 0, checksum: 0 };
      open.set(key, {
        ticks: sum.ticks + 1,
        checksum: addChecksum(sum.checksum, tickHash(tick)),
      });
      continue;
    }
    for (const { minute, ticks, checksum } of marker!.confirmed) {
      const sum = open.get(prefix + minute);
      open.delete(prefix + minute);
      if (sum?.ticks !== ticks || sum.checksum !== checksum) {
        differences.push(`${prefix}${minute}: ${ticks} confirmed, ${sum?.ticks ?? 0} in the topic`);
      }
    }
    const unreported = [...open].filter(([key]) => key.startsWith(prefix));
    // A marker covers everything before it.
    for (const [key, sum] of unreported) {
      differences.push(`${key}: ${sum.ticks} not reported by offset ${record.offset}`);
      open.delete(key);
    }
  }
  for (const [key, sum] of open) differences.push(`${key}: ${sum.ticks} never reported`);
  return differences;
}
