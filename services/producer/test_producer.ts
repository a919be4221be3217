/** For server tests: the producer as a process of its own, and what it put into Kafka. */
import { type Marker, RECORD_KIND_HEADER } from "../../contract/records.ts";
import { decodeTick, type Tick } from "../../contract/tick.ts";
import { DEFAULT_TOPIC_NAMES, topicShapes } from "../../contract/topics.ts";
import { LOOPBACK } from "../../infra/local/free_port.ts";
import { answersKafka, type LocalKafka } from "../../infra/local/kafka_server.ts";
import type { TestServers } from "../../infra/local/test_servers.ts";
import {
  eventually,
  type ServiceUnderTest,
  withService,
} from "../../infra/testing/test_service.ts";
import { createKafka, ensureTopics, type KafkaOptions } from "../../runtime/kafka.ts";
import { openReader, readRange, type ReadRecord } from "../../runtime/kafka_reader.ts";
import { createLogger } from "../../runtime/log.ts";

const PARTITIONS = 3;

/** How tests reach Kafka: quietly. */
export function testKafka(bootstrap: string): KafkaOptions {
  return {
    bootstrap_servers: [bootstrap],
    client_id: "test",
    log: createLogger("test", "error", () => {}),
  };
}

/** Makes the topics under their default names; what an earlier test left in them is gone. */
export async function makeTopics(bootstrap: string): Promise<void> {
  const kafka = createKafka(testKafka(bootstrap));
  const shapes = topicShapes({
    names: DEFAULT_TOPIC_NAMES,
    tick_partitions: PARTITIONS,
    retention_ms: 86_400_000,
  });
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.deleteTopics({ topics: await admin.listTopics() });
    // The broker hears of it a moment after the controller has decided it.
    await eventually(async () => (await admin.listTopics()).length === 0, "the topics to be gone");
  } finally {
    await admin.disconnect();
  }
  await ensureTopics(kafka, Object.values(shapes));
}

/** What a test of a file's shared servers works with. */
export interface EmptyTopics {
  bootstrap: string;
  kafka: LocalKafka;
  /** A directory of its own. */
  data_dir: string;
}

/**
 * Runs a test on servers that it shares with others, with topics that hold nothing.
 *
 * @param servers The servers; a broker that an earlier test has killed is started again.
 * @param test What to do with them.
 */
export async function withEmptyTopics<Result>(
  { bootstrap, kafka, data_dir }: TestServers,
  test: (topics: EmptyTopics) => Promise<Result>,
): Promise<Result> {
  if (!await answersKafka(LOOPBACK, kafka.port)) await kafka.restart();
  await makeTopics(bootstrap);
  return await test({ bootstrap, kafka, data_dir: await Deno.makeTempDir({ dir: data_dir }) });
}

/** A producer process. */
export interface ProducerUnderTest extends ServiceUnderTest {
  /** URL of its HTTP door, once it listens. */
  httpUrl(): Promise<string>;
}

/**
 * Runs a test with a producer process, and ends the process whatever comes of it.
 *
 * @param bootstrap Kafka.
 * @param environment Its settings, beside Kafka's.
 * @param test What to do with it.
 */
export async function withProducer<Result>(
  bootstrap: string,
  environment: { [variable: string]: string },
  test: (producer: ProducerUnderTest) => Promise<Result>,
): Promise<Result> {
  const settings = { KAFKA_BOOTSTRAP_SERVERS: bootstrap, ...environment };
  return await withService("producer", settings, (service) =>
    test({
      ...service,
      httpUrl: async () => String((await service.line((each) => each.door === "http")).url),
    }));
}

/** What the tick topic holds. */
export interface TopicContent {
  ticks: { tick: Tick; partition: number; record: ReadRecord }[];
  markers: { marker: Marker; partition: number; record: ReadRecord }[];
}

/** Reads the whole tick topic: each partition in order. */
export async function readTicks(bootstrap: string): Promise<TopicContent> {
  const content: TopicContent = { ticks: [], markers: [] };
  for (const { partition, record } of await readTopic(bootstrap, DEFAULT_TOPIC_NAMES.ticks)) {
    if (record.headers?.[RECORD_KIND_HEADER]) {
      content.markers.push({ marker: JSON.parse(String(record.value)), partition, record });
      continue;
    }
    const decoded = decodeTick(record.value);
    if ("fault" in decoded) throw new Error(`The topic holds no tick: ${decoded.fault.message}`);
    content.ticks.push({ tick: decoded.tick, partition, record });
  }
  return content;
}

/** Reads a whole topic: each partition in order. */
export async function readTopic(
  bootstrap: string,
  topic: string,
): Promise<{ partition: number; record: ReadRecord }[]> {
  const reader = await openReader(testKafka(bootstrap));
  const found: { partition: number; record: ReadRecord }[] = [];
  try {
    for (let partition = 0; partition < await reader.partitions(topic); partition++) {
      const { earliest, last_stable } = await reader.ends(topic, partition);
      for await (const records of readRange(reader, topic, partition, earliest, last_stable)) {
        for (const record of records) found.push({ partition, record });
      }
    }
  } finally {
    await reader.close();
  }
  return found;
}

/** How many ticks it says that Kafka has confirmed. */
export async function sentTicks(producer: { metrics(): Promise<string> }): Promise<number> {
  const found = /records_sent_total\{[^}]*to="ticks"[^}]*\} (\d+)/
    .exec(await producer.metrics());
  return Number(found?.[1] ?? 0);
}
