/**
 * Reads partitions from a chosen offset, without a consumer group: for restores, the ledger, and
 * whoever looks. kafkajs has no assign(), so this asks its cluster and broker classes directly; a
 * batch's end is judged by position, since transaction markers take offsets too.
 */
// First: it must stand in place of kafkajs' own before anything of kafkajs is loaded.
import "./kafka_encoding.ts";
import { Batch } from "./kafka_decoding.ts";
import ISOLATION_LEVEL from "kafkajs/src/protocol/isolationLevel.js";
import { type Backoff, backoffDelay, sleep } from "./backoff.ts";
import { kafkaConfig, type KafkaOptions } from "./kafka.ts";
import {
  type ClusterClient,
  countPartitions,
  createCluster,
  type FetchedPartition,
  knowTopic,
  lookAnew,
  OFFSET_AT,
  type ReadRecord,
} from "./kafka_cluster.ts";

export type { ReadRecord };

/** What one fetch brought. */
export interface ReadBatch {
  /** Committed records; aborted ones and transaction markers are left out. */
  records: ReadRecord[];
  /** Where to read on: past the records and whatever was left out. */
  next_offset: bigint;
  /** Everything below it is decided; a reader of committed records can't get further. */
  last_stable_offset: bigint;
}

/** A partition's ends. */
export interface PartitionEnds {
  earliest: bigint;
  last_stable: bigint;
}

/** Reads partitions by position. */
export interface PartitionReader {
  /** How many partitions a topic has; 0 where there is no such topic. */
  partitions(topic: string): Promise<number>;
  ends(topic: string, partition: number): Promise<PartitionEnds>;
  /** The offset after the last record, whether that is decided or not. kafkajs' admin can't tell. */
  end(topic: string, partition: number): Promise<bigint>;
  /**
   * @param offset First offset wanted.
   * @param wait_ms How long the broker may wait for new records.
   * @throws kafkajs' OFFSET_OUT_OF_RANGE where the offset was trimmed or never was.
   */
  fetch(topic: string, partition: number, offset: bigint, wait_ms?: number): Promise<ReadBatch>;
  close(): Promise<void>;
}

/** What a broker answers that does not lead the partition any more. */
const MOVED = ["NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE", "UNKNOWN_TOPIC_OR_PARTITION"];

/** How long a partition may be without a leader: one that was just made, or whose broker went away. */
const LEADERLESS_DEADLINE_MS = 10_000;
const LEADERLESS_BACKOFF: Backoff = { initial_ms: 20, max_ms: 500 };

/**
 * Asks a partition's leader; where that has moved, again after a fresh look.
 *
 * @param ask Finds the leader and asks it.
 * @param look Takes the fresh look.
 * @param deadline_ms For how long.
 * @throws What the broker answers after the deadline, and any other answer at once.
 */
export async function untilLed<Answer>(
  ask: () => Promise<Answer>,
  look: () => Promise<void>,
  deadline_ms = LEADERLESS_DEADLINE_MS,
): Promise<Answer> {
  const give_up_at_ms = performance.now() + deadline_ms;
  for (let attempt = 0;; attempt++) {
    try {
      return await ask();
    } catch (error) {
      const has_moved = MOVED.includes((error as { type?: string }).type ?? "");
      if (!has_moved || performance.now() >= give_up_at_ms) throw error;
    }
    await sleep(backoffDelay(LEADERLESS_BACKOFF, attempt));
    await look();
  }
}

/**
 * Connects a reader.
 *
 * @param options How to reach Kafka.
 * @param fetch_bytes_max Most bytes that one fetch brings.
 */
export async function openReader(
  options: KafkaOptions,
  fetch_bytes_max = 4_194_304,
): Promise<PartitionReader> {
  const cluster = createCluster({
    // The broker's logs tell it from the consumer of the same service.
    ...kafkaConfig({ ...options, client_id: `${options.client_id}-reader` }),
    retry: { initialRetryTime: 50, maxRetryTime: 1_000, retries: 8 },
  });
  await cluster.connect();

  async function leader(topic: string, partition: number): Promise<
    Awaited<ReturnType<ClusterClient["findBroker"]>>
  > {
    await knowTopic(cluster, topic);
    const node = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))[0];
    if (node === undefined) {
      throw new Error(`Cannot read partition ${partition} of topic ${topic}: it does not exist`);
    }
    return await cluster.findBroker({ nodeId: node });
  }

  const askLeader = <Answer>(
    topic: string,
    partition: number,
    ask: (broker: Awaited<ReturnType<typeof leader>>) => Promise<Answer>,
  ): Promise<Answer> =>
    untilLed(
      async () => await ask(await leader(topic, partition)),
      () => lookAnew(cluster),
    );

  async function offsetAt(
    topic: string,
    partition: number,
    timestamp: number,
    isolationLevel: number = ISOLATION_LEVEL.READ_COMMITTED,
  ): Promise<bigint> {
    const { responses } = await askLeader(topic, partition, (broker) =>
      broker.listOffsets({
        replicaId: -1,
        isolationLevel,
        topics: [{ topic, partitions: [{ partition, timestamp }] }],
      }));
    return BigInt(responses[0]!.partitions[0]!.offset);
  }

  return {
    partitions: (topic) => countPartitions(cluster, topic),
    async ends(topic, partition) {
      return {
        earliest: await offsetAt(topic, partition, OFFSET_AT.earliest),
        last_stable: await offsetAt(topic, partition, OFFSET_AT.latest),
      };
    },
    end: (topic, partition) =>
      offsetAt(topic, partition, OFFSET_AT.latest, ISOLATION_LEVEL.READ_UNCOMMITTED),
    async fetch(topic, partition, offset, wait_ms = 100) {
      const fetchOffset = offset.toString();
      const { responses } = await askLeader(topic, partition, (broker) =>
        broker.fetch({
          replicaId: -1,
          isolationLevel: ISOLATION_LEVEL.READ_COMMITTED,
          maxWaitTime: wait_ms,
          minBytes: 1,
          maxBytes: fetch_bytes_max,
          topics: [{ topic, partitions: [{ partition, fetchOffset, maxBytes: fetch_bytes_max }] }],
        }));
      return readBatch(topic, offset, responses[0]!.partitions[0]!);
    },
    close: () => cluster.disconnect(),
  };
}

function readBatch(topic: string, offset: bigint, fetched: FetchedPartition): ReadBatch {
  const batch = new (Batch as unknown as new (
    topic: string,
    offset: string,
    data: FetchedPartition,
  ) => { messages: ReadRecord[]; rawMessages: ReadRecord[] })(topic, offset.toString(), fetched);
  const last = batch.rawMessages.at(-1);
  const after_last = last === undefined ? offset : BigInt(last.offset) + 1n;
  return {
    records: batch.messages,
    next_offset: after_last > offset ? after_last : offset,
    last_stable_offset: BigInt(fetched.lastStableOffset),
  };
}

/**
 * Reads a partition from an offset to an end, batch by batch.
 *
 * @param reader The reader.
 * @param topic Topic.
 * @param partition Partition.
 * @param from First offset.
 * @param end Offset to stop before: `ends().last_stable`, taken once.
 * @param deadline_ms Longest time without progress.
 * @returns The records in order, a batch at a time.
 * @throws Error when nothing comes for as long as the deadline.
 */
export async function* readRange(
  reader: PartitionReader,
  topic: string,
  partition: number,
  from: bigint,
  end: bigint,
  deadline_ms = 30_000,
): AsyncGenerator<ReadRecord[]> {
  let offset = from;
  let progress_at_ms = performance.now();
  while (offset < end) {
    const batch = await reader.fetch(topic, partition, offset);
    if (batch.next_offset > offset) {
      progress_at_ms = performance.now();
      offset = batch.next_offset;
      const last = batch.records.at(-1);
      const within = last !== undefined && BigInt(last.offset) >= end
        ? batch.records.filter((record) => BigInt(record.offset) < end)
        : batch.records;
      if (within.length > 0) yield within;
    } else if (offset >= batch.last_stable_offset) {
      return;
    } else if (performance.now() - progress_at_ms > deadline_ms) {
      throw new Error(
        `Cannot read ${topic}/${partition} past offset ${offset}: nothing came within ` +
          `${deadline_ms} ms though its end is ${end}`,
      );
    }
  }
}

/**
 * Whether a reader of committed records would get nothing between two offsets: what was aborted,
 * or markers of transactions, or what retention has deleted.
 *
 * @param from First offset.
 * @param to Offset to stop before.
 */
export async function isEmptyBetween(
  reader: PartitionReader,
  topic: string,
  partition: number,
  from: bigint,
  to: bigint,
): Promise<boolean> {
  const { earliest } = await reader.ends(topic, partition);
  const start = from < earliest ? earliest : from;
  for await (const _ of readRange(reader, topic, partition, start, to)) return false;
  return true;
}
