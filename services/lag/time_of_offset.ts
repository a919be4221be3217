/** The timestamp of the record at an offset, by asking only for offsets by time. */
import type { OffsetLookup, TopicPartition } from "../../runtime/kafka_offsets.ts";

const FIRST_SPAN_MS = 1_000;

/**
 * Bisects: the first record from time T on lies at or before the offset for as long as T is not
 * past that record's own time. Exact to the millisecond where timestamps rise with the offsets; else
 * it is the highest timestamp up to the offset, so that an age is never told too large.
 *
 * @param lookup Asks for offsets by time.
 * @param place The partition.
 * @param offset Offset of a record, or of what stands before one.
 * @param now_ms The time now; a record may be younger (clocks are apart).
 * @returns Milliseconds since 1970.
 */
export async function timeOfOffset(
  lookup: Pick<OffsetLookup, "ask">,
  { topic, partition }: TopicPartition,
  offset: bigint,
  now_ms: number,
): Promise<number> {
  /** A time at which the first record lies at or before the offset: how late that may be at least. */
  const atOrBefore = async (timestamp_ms: number): Promise<number | null> => {
    const [answer] = await lookup.ask([{ topic, partition, timestamp_ms }]);
    if (answer === null || answer === undefined || answer.offset > offset) return null;
    return Math.max(timestamp_ms, answer.timestamp_ms);
  };
  let late_ms = now_ms + 1;
  let early_ms: number | null = null;
  for (let span_ms = FIRST_SPAN_MS; early_ms === null; span_ms *= 2) {
    const tried_ms = Math.max(0, now_ms - span_ms);
    early_ms = await atOrBefore(tried_ms);
    if (early_ms === null) late_ms = tried_ms;
    if (tried_ms === 0) early_ms ??= 0;
  }
  while (late_ms - early_ms > 1) {
    const middle_ms = early_ms + Math.floor((late_ms - early_ms) / 2);
    const found_ms = await atOrBefore(middle_ms);
    if (found_ms === null) late_ms = middle_ms;
    else early_ms = found_ms;
  }
  return early_ms;
}
