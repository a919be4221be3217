/** Asks Kafka for offsets of many partitions at once: their ends, and by time. */
import ISOLATION_LEVEL from "kafkajs/src/protocol/isolationLevel.js";
import { kafkaConfig, type KafkaOptions } from "./kafka.ts";
import { countPartitions, createCluster, knowTopic, lookAnew } from "./kafka_cluster.ts";

/** A partition of a topic. */
export interface TopicPartition {
  topic: string;
  partition: number;
}

/** A partition, and a time in it. */
export interface OffsetQuestion extends TopicPartition {
  /** Milliseconds since 1970; or one of OFFSET_AT (kafka_cluster.ts). */
  timestamp_ms: number;
}

/** An answer, in the order of the questions; null where no record is so young. */
export type OffsetAnswer = { offset: bigint; timestamp_ms: number } | null;

/** Asks for offsets. */
export interface OffsetLookup {
  /** How many partitions a topic has; 0 where there is no such topic. */
  partitions(topic: string): Promise<number>;
  /**
   * The first record from a time on, of each partition: of its committed records and markers. A
   * topic costs one request a broker, however many partitions it has.
   *
   * @throws Error where a partition has no leader, or Kafka does not answer.
   */
  ask(questions: readonly OffsetQuestion[]): Promise<OffsetAnswer[]>;
  close(): Promise<void>;
}

/** How old what is known of leaders and of the number of partitions may be. */
const LOOK_AGE_MS_MAX = 30_000;

/**
 * Connects a lookup.
 *
 * @param options How to reach Kafka.
 */
export async function openOffsetLookup(options: KafkaOptions): Promise<OffsetLookup> {
  const cluster = createCluster({
    ...kafkaConfig({ ...options, client_id: `${options.client_id}-offsets` }),
    retry: { initialRetryTime: 50, maxRetryTime: 1_000, retries: 5 },
  });
  await cluster.connect();
  let looked_at_ms = performance.now();

  async function askOnce(
    questions: readonly OffsetQuestion[],
    into: Map<OffsetQuestion, OffsetAnswer>,
  ): Promise<void> {
    const by_node = new Map<string, OffsetQuestion[]>();
    for (const question of questions) {
      await knowTopic(cluster, question.topic);
      const leaders = cluster.findLeaderForPartitions(question.topic, [question.partition]);
      const node = Object.keys(leaders)[0];
      if (node === undefined) {
        throw new Error(`Partition ${question.partition} of topic ${question.topic} has no leader`);
      }
      by_node.set(node, [...by_node.get(node) ?? [], question]);
    }
    await Promise.all([...by_node].map(async ([nodeId, asked]) => {
      const broker = await cluster.findBroker({ nodeId });
      const topics = Map.groupBy(asked, ({ topic }) => topic);
      const { responses } = await broker.listOffsets({
        isolationLevel: ISOLATION_LEVEL.READ_COMMITTED,
        topics: [...topics].map(([topic, of_topic]) => ({
          topic,
          partitions: of_topic.map(({ partition, timestamp_ms }) => ({
            partition,
            timestamp: timestamp_ms,
          })),
        })),
      });
      for (const { topic, partitions } of responses) {
        for (const { partition, offset, timestamp } of partitions) {
          const question = asked.find((each) =>
            each.topic === topic && each.partition === partition
          )!;
          into.set(
            question,
            offset === "-1" ? null : { offset: BigInt(offset), timestamp_ms: Number(timestamp) },
          );
        }
      }
    }));
  }

  return {
    async partitions(topic) {
      if (performance.now() - looked_at_ms > LOOK_AGE_MS_MAX) {
        looked_at_ms = performance.now();
        await lookAnew(cluster);
      }
      return await countPartitions(cluster, topic);
    },
    async ask(questions) {
      const answers = new Map<OffsetQuestion, OffsetAnswer>();
      // A request may name a partition once: the rest waits for another.
      let left = [...questions];
      try {
        while (left.length > 0) {
          const now = new Map<string, OffsetQuestion>();
          for (const question of left) now.set(`${question.topic}/${question.partition}`, question);
          const asked = new Set(now.values());
          await askOnce([...asked], answers);
          left = left.filter((question) => !asked.has(question));
        }
      } catch (error) {
        // A leader may have moved: the next to ask has a fresh look.
        await lookAnew(cluster).catch(() => {});
        throw error;
      }
      return questions.map((question) => answers.get(question) ?? null);
    },
    close: () => cluster.disconnect(),
  };
}
