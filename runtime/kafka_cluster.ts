/**
 * kafkajs' cluster class, for what its public classes can't do: reading by position
 * (kafka_reader.ts), and ending another's transactions (kafka_fence.ts).
 */
// First: it must stand in place of kafkajs' own before anything of kafkajs is loaded.
import "./kafka_encoding.ts";
import "./kafka_decoding.ts";
import Cluster from "kafkajs/src/cluster/index.js";
import loggers from "kafkajs/src/loggers/index.js";
import createSocketFactory from "kafkajs/src/network/socketFactory.js";
import ISOLATION_LEVEL from "kafkajs/src/protocol/isolationLevel.js";
import type { KafkaConfig, KafkaMessage } from "kafkajs";

/** A record with the Kafka producer id of the batch that it came in. */
export type ReadRecord = KafkaMessage & { batchContext: { producerId: string } };

/** What a fetch brings of one partition. */
export interface FetchedPartition {
  partition: number;
  errorCode: number;
  lastStableOffset: string;
  messages: ReadRecord[];
}

/** Times that mean an end, in Kafka's ListOffsets. */
export const OFFSET_AT = { latest: -1, earliest: -2 } as const;

/** The parts of kafkajs' cluster that are used here. */
export interface ClusterClient {
  logger: unknown;
  /** The topics that every look asks for. */
  targetTopics: Set<string>;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addMultipleTargetTopics(topics: string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  findTopicPartitionMetadata(topic: string): { partitionId: number }[];
  findLeaderForPartitions(topic: string, partitions: number[]): { [node: string]: number[] };
  findBroker(options: { nodeId: string }): Promise<{
    fetch(options: unknown): Promise<{ responses: { partitions: FetchedPartition[] }[] }>;
    listOffsets(options: unknown): Promise<{
      responses: {
        topic: string;
        partitions: { partition: number; offset: string; timestamp: string }[];
      }[];
    }>;
  }>;
}

/**
 * Makes kafkajs' own cluster client, which knows the brokers and what they lead. Nothing is connected.
 *
 * @param config kafkajs' settings.
 */
export function createCluster(config: KafkaConfig): ClusterClient {
  const { createLogger, LEVELS } = loggers as {
    createLogger: (options: unknown) => unknown;
    LEVELS: { [name: string]: number };
  };
  return new (Cluster as unknown as new (options: unknown) => ClusterClient)({
    ...config,
    logger: createLogger({ level: LEVELS.WARN, logCreator: config.logCreator }),
    socketFactory: (createSocketFactory as unknown as () => unknown)(),
    metadataMaxAge: 300_000,
    allowAutoTopicCreation: false,
    isolationLevel: ISOLATION_LEVEL.READ_COMMITTED,
  });
}

/**
 * Makes a topic's partitions known. kafkajs counts a topic as known once it has been asked for, also
 * where that look failed (the broker was away) or had begun before: it would then be said not to
 * exist for as long as the client lives.
 *
 * @param cluster kafkajs' cluster.
 * @param topic The topic.
 * @throws What the look met; kafkajs' UNKNOWN_TOPIC_OR_PARTITION where there is no such topic.
 */
export async function knowTopic(
  cluster: Pick<
    ClusterClient,
    "addMultipleTargetTopics" | "findTopicPartitionMetadata" | "refreshMetadata" | "targetTopics"
  >,
  topic: string,
): Promise<void> {
  const know = async (): Promise<void> => {
    await cluster.addMultipleTargetTopics([topic]);
    if (cluster.findTopicPartitionMetadata(topic).length === 0) await cluster.refreshMetadata();
  };
  try {
    await know();
  } catch (error) {
    if (!isUnknownTopic(error)) throw error;
    // It may be another that is gone.
    cluster.targetTopics.clear();
    await know();
  }
}

/**
 * How many partitions a topic has.
 *
 * @param cluster kafkajs' cluster.
 * @param topic The topic.
 * @returns 0 where there is no such topic.
 */
export async function countPartitions(cluster: ClusterClient, topic: string): Promise<number> {
  try {
    await knowTopic(cluster, topic);
  } catch (error) {
    if (isUnknownTopic(error)) return 0;
    throw error;
  }
  return cluster.findTopicPartitionMetadata(topic).length;
}

/**
 * Looks at the cluster anew: leaders may have moved, partitions may have been added. kafkajs asks for
 * every topic that was ever asked for, and a look fails as a whole where one of them is gone.
 *
 * @param cluster kafkajs' cluster.
 */
export async function lookAnew(
  cluster: Pick<ClusterClient, "refreshMetadata" | "targetTopics">,
): Promise<void> {
  try {
    await cluster.refreshMetadata();
  } catch (error) {
    if (!isUnknownTopic(error)) throw error;
    // Those that are still there are asked for again by whoever needs them.
    cluster.targetTopics.clear();
  }
}

function isUnknownTopic(error: unknown): boolean {
  return (error as { type?: string }).type === "UNKNOWN_TOPIC_OR_PARTITION";
}
