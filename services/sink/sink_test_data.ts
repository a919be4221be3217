/** For server tests: topics, ticks in them, and what the database holds of them. */
import { Buffer } from "node:buffer";
import type { KafkaMessage } from "kafkajs";
import type { Tick } from "../../contract/tick.ts";
import { DEFAULT_TOPIC_NAMES, topicShapes } from "../../contract/topics.ts";
import { type Database, openDatabase } from "../../runtime/database.ts";
import { createKafka, ensureTopics, type KafkaOptions } from "../../runtime/kafka.ts";
import { openReader, readRange, type ReadRecord } from "../../runtime/kafka_reader.ts";
import { openSender, type OutgoingRecord } from "../../runtime/kafka_sender.ts";
import { createLogger } from "../../runtime/log.ts";
import { partitionOf } from "../../contract/partition.ts";
import type { TestServers } from "../../infra/local/test_servers.ts";
import { eventually } from "../../infra/testing/test_service.ts";
import { claimPosition, type PositionOwner } from "./position.ts";

/** Partitions of the tick topic in tests. */
export const PARTITIONS = 3;

/** How tests reach Kafka: quietly. */
export function testKafka(bootstrap: string): KafkaOptions {
  return {
    bootstrap_servers: [bootstrap],
    client_id: "test",
    log: createLogger("test", "error", () => {}),
  };
}

/** Makes the topics; the prefix keeps the tests that share a server apart. */
export async function makeTopics(
  bootstrap: string,
  prefix: string,
  partitions = PARTITIONS,
): Promise<TestTopics> {
  const names = {
    ticks: `${prefix}-ticks`,
    candles: `${prefix}-candles`,
    alerts: `${prefix}-alerts`,
    dead_letters: `${prefix}-letters`,
  } satisfies { [role in keyof typeof DEFAULT_TOPIC_NAMES]: string };
  const shapes = topicShapes({ names, tick_partitions: partitions, retention_ms: 86_400_000 });
  await ensureTopics(createKafka(testKafka(bootstrap)), Object.values(shapes));
  return names;
}

/** Names of a test's topics. */
export type TestTopics = { [role in keyof typeof DEFAULT_TOPIC_NAMES]: string };

/** The environment of a sink that works on a test's topics. */
export function sinkEnvironment(
  bootstrap: string,
  database_url: string,
  topics: TestTopics,
  group = "sink",
): { [variable: string]: string } {
  return {
    KAFKA_BOOTSTRAP_SERVERS: bootstrap,
    DATABASE_URL: database_url,
    KAFKA_TOPIC: topics.ticks,
    TAPELINE_CANDLE_TOPIC: topics.candles,
    TAPELINE_DEAD_LETTER_TOPIC: topics.dead_letters,
    CONSUMER_GROUP: group,
    TAPELINE_SESSION_TIMEOUT_MS: "3000",
    TAPELINE_FETCH_WAIT_MS: "20",
  };
}

/** Topics of a test's own, and the environment of a sink that works on them. */
export interface FreshSink {
  topics: TestTopics;
  environment: { [variable: string]: string };
}

/** Runs a test with topics and a database of its own; the name keeps it apart from the others. */
export async function withFresh(
  servers: TestServers,
  name: string,
  test: (fresh: FreshSink, database: Database) => Promise<void>,
): Promise<void> {
  const topics = await makeTopics(servers.bootstrap, name);
  const url = await servers.newDatabase();
  const environment = sinkEnvironment(servers.bootstrap, url, topics, name);
  await withDatabase(url, (database) => test({ topics, environment }, database));
}

/** A database for looking, closed when the test is over. */
export async function withDatabase<Result>(
  url: string,
  test: (database: Database) => Promise<Result>,
  pool_size = 2,
  statement_timeout_ms = 20_000,
): Promise<Result> {
  const database = openDatabase({
    url,
    application_name: "test",
    pool_size,
    statement_timeout_ms,
  });
  try {
    return await test(database);
  } finally {
    await database.close();
  }
}

/** Some ticks, all different: symbols in turn. */
export function someTicks(count: number, first = 0): Tick[] {
  return Array.from({ length: count }, (_, index) => ({
    source: "test",
    symbol: `S${(first + index) % 20}`,
    price: 100 + (first + index) / 1000,
    volume: 1 + (first + index) % 7,
    timestamp: 1_700_000_000_000 + (first + index) * 10,
    trade_id: String(first + index),
  }));
}

/** The record of a tick, as a producer writes it. */
export function tickRecord(topic: string, tick: Tick, timestamp_ms = Date.now()): OutgoingRecord {
  return {
    topic,
    partition: partitionOf(tick.symbol, PARTITIONS),
    key: tick.symbol,
    value: JSON.stringify(tick),
    timestamp_ms,
  };
}

/** Sends records, a thousand at a time. */
export async function sendRecords(
  bootstrap: string,
  records: readonly OutgoingRecord[],
): Promise<void> {
  const sender = await openSender(createKafka(testKafka(bootstrap)), "none");
  try {
    for (let at = 0; at < records.length; at += 1_000) {
      await sender.send(records.slice(at, at + 1_000));
    }
  } finally {
    await sender.close();
  }
}

/** Everything in a topic. */
export async function readTopic(bootstrap: string, topic: string): Promise<ReadRecord[]> {
  const reader = await openReader(testKafka(bootstrap));
  try {
    const records: ReadRecord[] = [];
    const partitions = await reader.partitions(topic);
    for (let partition = 0; partition < partitions; partition++) {
      const { earliest, last_stable } = await reader.ends(topic, partition);
      for await (const batch of readRange(reader, topic, partition, earliest, last_stable)) {
        records.push(...batch);
      }
    }
    return records;
  } finally {
    await reader.close();
  }
}

/** How many rows `ticks` has, and how many different places in Kafka they come from. */
export async function countTicks(
  { sql }: Database,
): Promise<{ rows: number; places: number }> {
  const [counted] = await sql<{ rows: number; places: number }[]>`
    SELECT count(*)::int AS rows, count(DISTINCT (kafka_partition, kafka_offset))::int AS places
    FROM ticks`;
  return counted!;
}

/** Ticks as records that a consumer would get, from an offset on. */
export function tickMessages(ticks: readonly Tick[], first_offset = 0): KafkaMessage[] {
  return ticks.map((tick, index) => ({
    key: Buffer.from(tick.symbol),
    value: Buffer.from(JSON.stringify(tick)),
    offset: String(first_offset + index),
    timestamp: String(Date.now()),
    attributes: 0,
    headers: {},
  }));
}

/** A position of our own in an empty database, at offset 0. */
export async function startPosition(
  database: Database,
  topic = "ticks",
  partition = 0,
): Promise<PositionOwner> {
  const owner = { consumer: "sink", cluster_id: "test" };
  const readEnds = () => Promise.resolve({ earliest: 0n, last_stable: 0n });
  await claimPosition(database, owner, topic, partition, readEnds);
  return owner;
}

/** Where the database would have a consumer go on, of all partitions of a topic. */
export async function storedPositions({ sql }: Database, topic: string): Promise<bigint[]> {
  const rows = await sql<{ next_offset: string }[]>`
    SELECT next_offset FROM kafka_offsets WHERE topic = ${topic} ORDER BY partition`;
  return rows.map((row) => BigInt(row.next_offset));
}

/**
 * Keeps everybody out of `ticks`, so that whoever stores some waits.
 *
 * @param waiting Called while the table is closed.
 */
export async function whileTicksAreLocked(
  { sql }: Database,
  waiting: () => Promise<void>,
): Promise<void> {
  await sql.begin(async (locking) => {
    await locking`LOCK TABLE ticks IN ACCESS EXCLUSIVE MODE`;
    await waiting();
  });
}

/** Waits until so many transactions wait for `ticks`. */
export async function ticksAreWaitedFor({ sql }: Database, transactions: number): Promise<void> {
  await eventually(async () => {
    const [found] = await sql<{ waiting: number }[]>`
      SELECT count(DISTINCT pid)::int AS waiting FROM pg_locks
      WHERE relation = 'ticks'::regclass AND NOT granted`;
    return found!.waiting >= transactions;
  }, `${transactions} transactions to wait for the table`);
}
