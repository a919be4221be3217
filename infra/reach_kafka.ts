/** Opens a reader for a tool: where Kafka can't be reached, the error says what to do. */
import type { KafkaOptions } from "../runtime/kafka.ts";
import { openReader, type PartitionReader } from "../runtime/kafka_reader.ts";

/**
 * Connects a reader, and asks for a topic: kafkajs is content with a server that takes a connection
 * and never answers, until it is asked for something.
 *
 * @param kafka How to reach Kafka.
 * @param topic What will be read; it need not exist.
 * @param fetch_bytes_max Most bytes that one fetch brings; the reader's own limit unless told.
 * @throws Error that names the servers, after a few seconds without an answer.
 */
export async function reachKafka(
  kafka: KafkaOptions,
  topic: string,
  fetch_bytes_max?: number,
): Promise<PartitionReader> {
  let reader: PartitionReader | null = null;
  try {
    reader = await openReader(kafka, fetch_bytes_max);
    await reader.partitions(topic);
    return reader;
  } catch (error) {
    await reader?.close();
    throw new Error(
      `Cannot reach Kafka at ${kafka.bootstrap_servers.join(",")}: ${(error as Error).message}. ` +
        "Start it (deno task start), or name another by KAFKA_BOOTSTRAP_SERVERS",
      { cause: error },
    );
  }
}
