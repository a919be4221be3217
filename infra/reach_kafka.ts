/** Opens a reader for a tool: where Kafka can't be reached, the error says what to do. */
import type { KafkaOptions } from "../runtime/kafka.ts";
import { openReader, type PartitionReader } from "../runtime/kafka_reader.ts";

/**
 * Connects a reader.
 *
 * @param kafka How to reach Kafka.
 * @param fetch_bytes_max Most bytes that one fetch brings; the reader's own limit unless told.
 * @throws Error that names the servers, after a few seconds without an answer.
 */
export async function reachKafka(
  kafka: KafkaOptions,
  fetch_bytes_max?: number,
): Promise<PartitionReader> {
  try {
    return await openReader(kafka, fetch_bytes_max);
  } catch (error) {
    throw new Error(
      `Cannot reach Kafka at ${kafka.bootstrap_servers.join(",")}: ${(error as Error).message}. ` +
        "Start it (deno task start), or name another by KAFKA_BOOTSTRAP_SERVERS",
      { cause: error },
    );
  }
}
