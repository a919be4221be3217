/**
 * Finds the first record that a consumer has not read: its timestamp says how many seconds the
 * consumer is behind, whether that lives or not.
 *
 * It is looked for in the log itself, past markers and aborted records. What was found stands for as
 * long as the consumer's offset does, so that a dead consumer costs nothing. Where the records are
 * compressed in a way that kafkajs can't read, their times are asked for instead.
 */
import type { PartitionReader } from "../../runtime/kafka_reader.ts";
import { type OffsetLookup, type TopicPartition } from "../../runtime/kafka_offsets.ts";
import { timeOfOffset } from "./time_of_offset.ts";

/** Finds them. */
export interface UnreadFinder {
  /**
   * @param from The first offset that was not read and is still there.
   * @param end The last stable offset.
   * @returns The record's timestamp, ms; null where no record is between the two.
   * @throws Error where the log can't be read, or holds so much that nobody reads (aborted records)
   *   that it is not known yet: the next call goes on where this one ended.
   */
  find(place: TopicPartition, from: bigint, end: bigint): Promise<number | null>;
  /** Forgets what was not asked for since it was called last. */
  forgetOthers(): void;
}

/** What is known of an offset: the record after it, or how far there is none. */
type Known = { timestamp_ms: number } | { empty_to: bigint };

/** Longest chain of fetches in one look: the next look goes on where it ended. */
const FETCHES_MAX = 20;

/**
 * Makes a finder.
 *
 * @param reader Reads committed records; its fetches should be small.
 * @param lookup Asks for offsets by time.
 * @param now Milliseconds since 1970.
 */
export function createUnreadFinder(
  reader: Pick<PartitionReader, "fetch">,
  lookup: Pick<OffsetLookup, "ask">,
  now: () => number,
): UnreadFinder {
  let known = new Map<string, Known>();
  let asked = new Map<string, Known>();

  async function look(place: TopicPartition, from: bigint, end: bigint): Promise<Known> {
    let offset = from;
    for (let fetches = 0; offset < end && fetches < FETCHES_MAX; fetches++) {
      let batch;
      try {
        batch = await reader.fetch(place.topic, place.partition, offset, 0);
      } catch (error) {
        if (!isUnreadable(error)) throw error;
        return { timestamp_ms: await timeOfOffset(lookup, place, offset, now()) };
      }
      const [record] = batch.records;
      if (record !== undefined) return { timestamp_ms: Number(record.timestamp) };
      if (batch.next_offset <= offset) {
        // A batch whose records were all compacted away brings nothing: the times tell what is next.
        return { timestamp_ms: await timeOfOffset(lookup, place, offset, now()) };
      }
      offset = batch.next_offset;
    }
    return { empty_to: offset };
  }

  return {
    async find(place, from, end) {
      const key = `${place.topic}/${place.partition}/${from}`;
      let found = asked.get(key) ?? known.get(key) ?? { empty_to: from };
      if ("empty_to" in found && found.empty_to < end) {
        found = await look(place, found.empty_to, end);
      }
      asked.set(key, found);
      if ("timestamp_ms" in found) return found.timestamp_ms;
      if (found.empty_to >= end) return null;
      throw new Error(`No record from offset ${from} to ${found.empty_to}; looking on`);
    },
    forgetOthers() {
      known = asked;
      asked = new Map();
    },
  };
}

/** kafkajs has no lz4, and may meet a codec that is newer than itself. */
function isUnreadable(error: unknown): boolean {
  const { name, message } = error as Error;
  return name === "KafkaJSNotImplemented" || /compression/i.test(message);
}
