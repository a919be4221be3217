/** What the producer needs to know of its topics before it sends. */
import type { Kafka } from "kafkajs";
import { KAFKA_RETRY } from "../../runtime/kafka.ts";

/**
 * How many partitions the tick topic has.
 *
 * @param kafka The client.
 * @param tick_topic Topic of ticks.
 * @param dead_letter_topic Topic of dead letters: it must be there too.
 * @throws Error that names the topic which is missing.
 */
export async function tickPartitions(
  kafka: Kafka,
  tick_topic: string,
  dead_letter_topic: string,
): Promise<number> {
  const admin = kafka.admin({ retry: { ...KAFKA_RETRY, retries: 10 } });
  await admin.connect();
  try {
    const present = await admin.listTopics();
    for (const topic of [tick_topic, dead_letter_topic]) {
      if (!present.includes(topic)) {
        throw new Error(
          `Cannot send to topic ${topic}: it does not exist. Make it (deno task start does), or ` +
            "name another",
        );
      }
    }
    const { topics } = await admin.fetchTopicMetadata({ topics: [tick_topic] });
    return topics[0]!.partitions.length;
  } finally {
    await admin.disconnect();
  }
}
