/** One transaction: outputs, dead letters, state and input offsets, all or none. */
import type { Producer } from "kafkajs";
import { deadLetter } from "../../runtime/dead_letter_record.ts";
import { byTopic } from "../../runtime/kafka_sender.ts";
import { type Compression, compressionType } from "../../runtime/kafka.ts";
import type { SpanContext } from "../../runtime/spans.ts";
import { type OutputNames, outputRecords } from "./output.ts";
import { cutSends } from "../../runtime/send_sizes.ts";
import type { FlushRecords } from "./partition_state.ts";

/** What is told of a committed flush. */
export interface Flushed {
  /** Output offset of its first record. */
  first_offset: bigint;
  candles: number;
  dead_letters: number;
}

/**
 * Writes a flush in one transaction.
 *
 * @param producer The partition's transactional producer.
 * @param group The consumer group whose offset moves.
 * @param names Topics, and the stage's name.
 * @param partition The partition, of input and output alike.
 * @param flush What the state gave.
 * @param compression Of the record batches.
 * @param trace The sampled trace that the candles belong to: each takes it along.
 * @throws Error when it is not known to be committed: the producer must not be used again.
 */
export async function writeFlush(
  producer: Producer,
  group: string,
  names: OutputNames,
  partition: number,
  flush: FlushRecords,
  compression: Compression,
  trace: SpanContext | null = null,
): Promise<Flushed> {
  const outputs = outputRecords(names, partition, flush, Date.now(), trace);
  const place = { ...names, topic: names.tick_topic, partition };
  const letters = flush.refused.map((refused) => deadLetter(place, refused));
  const transaction = await producer.transaction();
  let first_offset: bigint | null = null;
  for (const send of [...cutSends(outputs), ...cutSends(letters)]) {
    const [written] = await transaction.sendBatch({
      topicMessages: byTopic(send),
      acks: -1,
      compression: compressionType(compression),
    }).catch((error) => {
      // Outputs and letters are never in one send, so the first record's topic is that of all.
      throw new Error(`Cannot write to ${send[0]!.topic}: ${error.message}`, { cause: error });
    });
    first_offset ??= BigInt(written!.baseOffset!);
  }
  // A restore reads from restore_from; the first flush of all starts at its own first record.
  const metadata = flush.state.restore_from;
  await transaction.sendOffsets({
    consumerGroupId: group,
    topics: [{
      topic: names.tick_topic,
      partitions: [
        { partition, offset: flush.next_offset.toString(), metadata } as {
          partition: number;
          offset: string;
        },
      ],
    }],
  });
  await transaction.commit();
  return {
    first_offset: first_offset!,
    candles: flush.candles.length,
    dead_letters: letters.length,
  };
}
