/** How long Kafka keeps a topic's records. */
import { ConfigResourceTypes } from "kafkajs";
import { withDeadline } from "../../runtime/backoff.ts";
import { createKafka, type KafkaOptions } from "../../runtime/kafka.ts";

const DEADLINE_MS = 20_000;

/**
 * Asks for a topic's retention by time, as it is set now.
 *
 * @param kafka How to reach Kafka.
 * @param topic A topic that exists.
 * @returns Milliseconds; Infinity where it keeps them for ever.
 * @throws Error where Kafka does not say.
 */
export async function retentionMs(kafka: KafkaOptions, topic: string): Promise<number> {
  const admin = createKafka(kafka).admin();
  try {
    const described = admin.connect().then(() =>
      admin.describeConfigs({
        includeSynonyms: false,
        resources: [{
          type: ConfigResourceTypes.TOPIC,
          name: topic,
          configNames: ["retention.ms"],
        }],
      })
    );
    const { resources } = await withDeadline(described, DEADLINE_MS, "Asking for a retention");
    const told = resources[0]?.configEntries[0]?.configValue;
    const retention_ms = Number(told);
    if (told === undefined || told === "" || !Number.isFinite(retention_ms)) {
      throw new Error(`Cannot tell how long Kafka keeps ${topic}: its retention.ms is ${told}`);
    }
    return retention_ms < 0 ? Infinity : retention_ms;
  } finally {
    await admin.disconnect();
  }
}
