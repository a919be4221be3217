import { deepStrictEqual } from "node:assert/strict";
import type { Kafka, Producer } from "kafkajs";
// First of all that loads kafkajs: it stands in place of some of it.
import { KAFKA_RETRY } from "./kafka.ts";
import { openSender, type OutgoingRecord } from "./kafka_sender.ts";
import createRetry from "kafkajs/src/retry/index.js";
import createSendMessages from "kafkajs/src/producer/sendMessages.js";

interface TopicData {
  topic: string;
  partitions: { partition: number; firstSequence: number; messages: { value: string }[] }[];
}

/** A broker: what it has written, and what it does before it writes and after. */
interface FakeBroker {
  nodeId: string;
  written: string[];
  beforeWrite(): Promise<void>;
  afterWrite(): void;
}

/** Two brokers, each of which leads one partition, below kafkajs' own way of sending. */
function fakeCluster() {
  const brokers: { [node: string]: FakeBroker } = {};
  for (const nodeId of ["a", "b"]) {
    brokers[nodeId] = {
      nodeId,
      written: [],
      beforeWrite: () => Promise.resolve(),
      afterWrite: () => {},
    };
  }
  const leaders = ["a", "b"];
  /** By partition: the next sequence number, as the producer and as the brokers see it. */
  const next_sent = [0, 0];
  const next_written = [0, 0];
  const locks = new Map<string, Promise<void>>();
  const releases = new Map<string, () => void>();
  const cluster = {
    refreshMetadataIfNecessary: () => Promise.resolve(),
    refreshMetadata: () => Promise.resolve(),
    addMultipleTargetTopics: () => Promise.resolve(),
    removeBroker: () => {},
    isConnected: () => true,
    findTopicPartitionMetadata: () => leaders.map((_, partitionId) => ({ partitionId })),
    findLeaderForPartitions: (_topic: string, partitions: string[]) =>
      Object.groupBy(partitions.map(Number), (partition) => leaders[partition]!),
    findBroker: ({ nodeId }: { nodeId: string }) => Promise.resolve(clients.get(nodeId)),
  };

  function brokerOf(nodeId: string) {
    const broker = brokers[nodeId]!;
    return {
      nodeId,
      async produce({ topicData }: { topicData: TopicData[] }) {
        await broker.beforeWrite();
        for (
          const { partition, firstSequence, messages } of topicData.flatMap((data) =>
            data.partitions
          )
        ) {
          // What a broker has already it confirms, and does not write again.
          if (firstSequence < next_written[partition]!) continue;
          broker.written.push(...messages.map(({ value }) => value));
          next_written[partition] = firstSequence + messages.length;
        }
        broker.afterWrite();
        return {
          topics: topicData.map(({ topic, partitions }) => ({
            topicName: topic,
            partitions: partitions.map(({ partition }) => ({ partition, errorCode: 0 })),
          })),
        };
      },
    };
  }
  const clients = new Map(Object.keys(brokers).map((nodeId) => [nodeId, brokerOf(nodeId)]));
  const sendBatch = (createSendMessages as unknown as (parts: unknown) => Producer["sendBatch"])({
    logger: { debug: () => {}, error: () => {} },
    cluster,
    partitioner: ({ message }: { message: { partition: number } }) => message.partition,
    retrier: (createRetry as unknown as (options: unknown) => unknown)({
      ...KAFKA_RETRY,
      initialRetryTime: 1,
      retries: 10,
    }),
    eosManager: {
      isTransactional: () => false,
      getProducerId: () => 1,
      getProducerEpoch: () => 0,
      getSequence: (_topic: string, partition: number) => next_sent[partition],
      updateSequence(_topic: string, partition: number, count: number) {
        next_sent[partition]! += count;
      },
      // kafkajs sends one request to a broker at a time.
      async acquireBrokerLock({ nodeId }: { nodeId: string }) {
        while (locks.has(nodeId)) await locks.get(nodeId);
        const { promise, resolve } = Promise.withResolvers<void>();
        locks.set(nodeId, promise);
        releases.set(nodeId, resolve);
      },
      releaseBrokerLock({ nodeId }: { nodeId: string }) {
        locks.delete(nodeId);
        releases.get(nodeId)!();
      },
    },
  });
  const producer = {
    connect: () => Promise.resolve(),
    disconnect: () => Promise.resolve(),
    sendBatch,
  };
  const admin = {
    connect: () => Promise.resolve(),
    disconnect: () => Promise.resolve(),
    describeCluster: () => Promise.resolve({ brokers: Object.keys(brokers) }),
  };
  const kafka = { producer: () => producer, admin: () => admin } as unknown as Kafka;
  return { kafka, a: brokers.a!, b: brokers.b!, leaders };
}

/** As kafkajs reports a broker that went away. */
function connectionClosed(): Error {
  return Object.assign(new Error("Closed connection"), {
    name: "KafkaJSConnectionClosedError",
    retriable: true,
  });
}

const RECORDS: OutgoingRecord[] = ["zero", "one"].map((value, partition) => ({
  topic: "t",
  partition,
  key: null,
  value,
  timestamp_ms: 0,
}));

Deno.test("a partition whose leader goes away in the middle of a send is not taken for sent", async () => {
  const { kafka, a, b, leaders } = fakeCluster();
  const a_wrote = Promise.withResolvers<void>();
  a.afterWrite = () => a_wrote.resolve();
  b.beforeWrite = async () => {
    await a_wrote.promise;
    leaders[1] = "a";
    throw connectionClosed();
  };
  const sender = await openSender(kafka, "none");
  await sender.send(RECORDS);
  deepStrictEqual(a.written.sort(), ["one", "zero"]);
});

Deno.test("a broker that fails while another is slow has nothing sent twice", async () => {
  const { kafka, a, b } = fakeCluster();
  let tries = 0;
  const b_came_back = Promise.withResolvers<void>();
  a.beforeWrite = () => b_came_back.promise;
  b.beforeWrite = () => {
    if (tries++ === 0) return Promise.reject(connectionClosed());
    b_came_back.resolve();
    return Promise.resolve();
  };
  const sender = await openSender(kafka, "none");
  await sender.send(RECORDS);
  await sender.close();
  deepStrictEqual([a.written, b.written], [["zero"], ["one"]]);
});
