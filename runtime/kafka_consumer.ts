/** A member of a consumer group, with the settings that every stage which reads Kafka shares. */
import type { Consumer, Kafka } from "kafkajs";
import { TICK_RECORD_BYTES_MAX } from "../contract/topics.ts";
import { isPassingAnswer, KAFKA_RETRY } from "./kafka.ts";
import OffsetManager from "kafkajs/src/consumer/offsetManager/index.js";
import type { FetchTime } from "./kafka_spans.ts";
import { errorFields, type Logger } from "./log.ts";
import type { READER_METRICS } from "./metric_table.ts";
import type { Metrics } from "./metrics.ts";

/** What a member is told once. */
export interface GroupConsumerOptions {
  kafka: Kafka;
  log: Logger;
  metrics: Pick<Metrics<typeof READER_METRICS>, "rebalance_duration">;
  group: string;
  session_timeout_ms: number;
  /** How long the broker gathers records before it answers a fetch. */
  fetch_wait_ms: number;
  /** Most bytes of one partition in a fetch; fewer where many partitions share it. */
  partition_bytes_max: number;
  /** How many partitions there are in all topics that the group reads. */
  partitions: number;
  /** Called at each (re)assignment, with the partitions by topic. */
  onJoin(assignment: { [topic: string]: number[] }): void;
  /** Called when kafkajs gave up and starts again. */
  onCrash(): void;
  /** Called when it will not start again: the process must end. */
  fail(error: unknown): void;
}

/** What a member is in its group. */
export interface Membership {
  /** How often it has joined. */
  joins: number;
  /** How often it has given a sign of life: joins, and heartbeats that were answered. */
  signs: number;
  /** Whether it is in: not while it joins for the first time, anew, or starts again. */
  is_in: boolean;
  /** What it was given when it joined last. */
  assigned: readonly { topic: string; partition: number }[];
  /** How long the group waits for its members where one joins. */
  rebalance_timeout_ms: number;
}

/** A member, and what keeps it from working. */
export interface GroupConsumer {
  consumer: Consumer;
  heartbeat_interval_ms: number;
  /** What is wrong with its membership, a sentence each. */
  faults(): string[];
  membership(): Membership;
  /** The fetch that brought what is being handed over; null where several brokers are asked. */
  lastFetch(): FetchTime | null;
}

/** The broker answers a fetch at once with this many bytes, or when the wait is over. */
const FETCH_BYTES_MIN = 262_144;
const FETCH_BYTES_MAX = 16_777_216;
/** Past so many partitions a fetch is larger, up to this: a partition brings a whole batch or none. */
const FETCH_BYTES_LIMIT = 67_108_864;
const RETRIES = 10;

keepGroupOffsets();

/**
 * Where an offset is out of range, kafkajs commits -2 ("the oldest") in the place of the group's own
 * offset, and with it the metadata and the memory of where the group was are gone. Here it only
 * reads on from the oldest record: what was between is for the reader to count.
 */
function keepGroupOffsets(): void {
  interface Place {
    topic: string;
    partition: number;
  }
  interface Manager {
    topicConfigurations: { [topic: string]: { fromBeginning: boolean } };
    cluster: {
      fetchTopicsOffset(topics: readonly unknown[]): Promise<
        { partitions: { partition: number; offset: string }[] }[]
      >;
    };
    resolveOffset(place: Place & { offset: string }): void;
    setDefaultOffset(place: Place): Promise<void>;
  }
  const { prototype } = OffsetManager as unknown as { prototype: Manager };
  prototype.setDefaultOffset = async function (this: Manager, { topic, partition }) {
    const [found] = await this.cluster.fetchTopicsOffset([
      { topic, partitions: [{ partition }], ...this.topicConfigurations[topic] },
    ]);
    const oldest = BigInt(found!.partitions[0]!.offset);
    this.resolveOffset({ topic, partition, offset: String(oldest - 1n) });
  };
}

/**
 * What a fetch may bring. kafkajs asks for the partitions in one and the same order each time, and
 * the broker fills the answer in that order: the first must leave room for the last, or the last gets
 * nothing for as long as the first have more.
 *
 * @returns Bytes.
 */
export function fetchBytes(
  { partitions, partition_bytes_max }: Pick<
    GroupConsumerOptions,
    "partitions" | "partition_bytes_max"
  >,
): { maxBytes: number; maxBytesPerPartition: number } {
  const share = Math.floor(FETCH_BYTES_MAX / partitions);
  const maxBytesPerPartition = Math.max(
    TICK_RECORD_BYTES_MAX,
    Math.min(partition_bytes_max, share),
  );
  const all = maxBytesPerPartition * partitions;
  return {
    maxBytes: Math.min(FETCH_BYTES_LIMIT, Math.max(FETCH_BYTES_MAX, all)),
    maxBytesPerPartition,
  };
}

/** Makes a member; it joins when its `run` is called. */
export function createGroupConsumer(options: GroupConsumerOptions): GroupConsumer {
  const { group, session_timeout_ms } = options;
  const heartbeat_interval_ms = Math.min(1_000, session_timeout_ms / 4);
  const rebalance_timeout_ms = Math.max(session_timeout_ms, 10_000);
  const consumer = options.kafka.consumer({
    groupId: group,
    sessionTimeout: session_timeout_ms,
    rebalanceTimeout: rebalance_timeout_ms,
    heartbeatInterval: heartbeat_interval_ms,
    maxWaitTimeInMs: options.fetch_wait_ms,
    minBytes: FETCH_BYTES_MIN,
    ...fetchBytes(options),
    allowAutoTopicCreation: false,
    retry: { ...KAFKA_RETRY, retries: RETRIES, restartOnFailure: () => Promise.resolve(true) },
  });
  let joined = false;
  let membership: Membership = {
    joins: 0,
    signs: 0,
    is_in: false,
    assigned: [],
    rebalance_timeout_ms,
  };
  let crashed: string | null = null;
  const fetches = new Map<number, FetchTime>();
  consumer.on(consumer.events.FETCH, ({ timestamp, payload }) => {
    const { nodeId, duration } = payload as unknown as { nodeId: number; duration: number };
    fetches.set(nodeId, { started_at_ms: timestamp - duration, ended_at_ms: timestamp });
  });
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    fetches.clear();
    options.metrics.rebalance_duration.observe(payload.duration / 1_000);
    joined = true;
    crashed = null;
    membership = {
      ...membership,
      joins: membership.joins + 1,
      signs: membership.signs + 1,
      is_in: true,
      assigned: Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => ({ topic, partition }))
      ),
    };
    options.onJoin(payload.memberAssignment);
  });
  consumer.on(consumer.events.HEARTBEAT, () => {
    membership = { ...membership, signs: membership.signs + 1 };
  });
  consumer.on(consumer.events.REBALANCING, () => {
    membership = { ...membership, is_in: false };
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    joined = false;
    membership = { ...membership, is_in: false };
    crashed = payload.error.message;
    const passing = isPassingAnswer(crashed);
    const write = passing ? options.log.debug : options.log.warn;
    write("the consumer crashed and starts again", errorFields(payload.error));
    if (!passing) options.onCrash();
    if (!payload.restart) options.fail(payload.error);
  });
  return {
    consumer,
    heartbeat_interval_ms,
    faults() {
      const faults = crashed === null ? [] : [`the consumer crashed: ${crashed}`];
      if (!joined) faults.push(`group ${group} is not joined yet`);
      return faults;
    },
    membership: () => membership,
    lastFetch: () => fetches.size === 1 ? [...fetches.values()][0]! : null,
  };
}
