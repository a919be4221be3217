/**
 * Sends records to Kafka so that what is confirmed is there once: acks=all, idempotent, and never
 * more than one send to a partition under way (with several, kafkajs can lose one batch and double
 * another).
 */
import { Buffer } from "node:buffer";
import type { Kafka, Producer } from "kafkajs";
import { type Compression, compressionType, KAFKA_RETRY } from "./kafka.ts";

/** A record on its way. The timestamp is the time of ingest, ms. */
export interface OutgoingRecord {
  topic: string;
  partition?: number;
  key: string | Uint8Array | null;
  value: Uint8Array | string | null;
  timestamp_ms: number;
  headers?: { [name: string]: string | Uint8Array };
}

/** An idempotent producer with one send under way at a time, to a partition. */
export interface Sender {
  /**
   * Sends records; resolves when Kafka has them all, in this order within each partition. While the
   * broker is away it waits and tries again, for ever: whoever calls has the deadline.
   *
   * @throws Error that retrying can't mend (a record too large, a fenced producer): the process
   *   must then take it that the records may or may not be there.
   */
  send(records: readonly OutgoingRecord[]): Promise<void>;
  /** True while a send has been under way for longer than it should. */
  isStuck(): boolean;
  close(): Promise<void>;
}

const STUCK_AFTER_MS = 5_000;

/** kafkajs takes texts and Node's buffers; of other bytes it would write something else. */
function asBuffer(value: string | Uint8Array | null): string | Buffer | null {
  if (value === null || typeof value === "string" || Buffer.isBuffer(value)) return value;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** Groups records by topic, as kafkajs takes them. */
export function byTopic(records: readonly OutgoingRecord[]): {
  topic: string;
  messages: Parameters<Producer["send"]>[0]["messages"];
}[] {
  const topics = new Map<string, Parameters<Producer["send"]>[0]["messages"]>();
  for (const record of records) {
    let messages = topics.get(record.topic);
    if (!messages) topics.set(record.topic, messages = []);
    messages.push({
      key: asBuffer(record.key),
      value: asBuffer(record.value),
      timestamp: String(record.timestamp_ms),
      ...(record.partition === undefined ? {} : { partition: record.partition }),
      ...(record.headers === undefined ? {} : {
        headers: Object.fromEntries(
          Object.entries(record.headers).map(([name, value]) => [name, asBuffer(value)!]),
        ),
      }),
    });
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}

/**
 * Cuts a send by partition. kafkajs sends to all leaders at once, and where one of them fails it
 * repeats what it believes to be missing: seen are a partition reported as sent and gone (its leader
 * had moved to a broker that had answered already), and one that came twice (its leader was slower
 * than the other's failure). Within one partition it is right. Records without a partition must be
 * of a topic that has but one.
 */
function byPartition(records: readonly OutgoingRecord[]): OutgoingRecord[][] {
  const groups = Map.groupBy(records, ({ topic, partition }) => `${topic}/${partition}`);
  return [...groups.values()];
}

/** Whether the topics may have several leaders. */
async function hasSeveralBrokers(kafka: Kafka): Promise<boolean> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return (await admin.describeCluster()).brokers.length > 1;
  } finally {
    await admin.disconnect();
  }
}

/**
 * Connects a sender.
 *
 * @param kafka The client.
 * @param compression Of the record batches.
 */
export async function openSender(kafka: Kafka, compression: Compression): Promise<Sender> {
  // One request for all partitions is cheaper, and safe where one broker leads them all.
  const cut = await hasSeveralBrokers(kafka)
    ? byPartition
    : (records: readonly OutgoingRecord[]) => [records];
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    retry: { ...KAFKA_RETRY, retries: Number.MAX_SAFE_INTEGER },
  });
  await producer.connect();
  let last: Promise<unknown> = Promise.resolve();
  let under_way_since_ms: number | null = null;

  async function sendNow(records: readonly OutgoingRecord[]): Promise<void> {
    under_way_since_ms = performance.now();
    try {
      const sends = cut(records).map((part) =>
        producer.sendBatch({
          acks: -1,
          compression: compressionType(compression),
          topicMessages: byTopic(part),
        })
      );
      // The next send must wait for all of them, one that fails included.
      const refused = (await Promise.allSettled(sends)).find(({ status }) => status === "rejected");
      if (refused?.status === "rejected") throw refused.reason;
    } finally {
      under_way_since_ms = null;
    }
  }

  return {
    send(records) {
      if (records.length === 0) return Promise.resolve();
      const sent = last.then(() => sendNow(records));
      // A failed send must not fail the ones behind it: each caller hears of its own.
      last = sent.catch(() => {});
      return sent;
    },
    isStuck: () =>
      under_way_since_ms !== null && performance.now() - under_way_since_ms > STUCK_AFTER_MS,
    async close() {
      await last;
      await producer.disconnect();
    },
  };
}
