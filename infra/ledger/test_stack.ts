/** A tick topic written by hand, and stages that follow it faithfully, on real servers: for tests. */
import type { Kafka } from "kafkajs";
import { addChecksum, tickHash } from "../../contract/ledger.ts";
import {
  ledgerKey,
  type LedgerRecord,
  type Marker,
  minuteOf,
  ONLY_STAGE_HEADER,
  RECORD_KIND_HEADER,
  STATE_KEY,
} from "../../contract/records.ts";
import { decodeTick, type Fault, type Tick } from "../../contract/tick.ts";
import { DEFAULT_TOPIC_NAMES, topicShapes } from "../../contract/topics.ts";
import { type Database, openDatabase } from "../../runtime/database.ts";
import { headerText } from "../../runtime/kafka_record.ts";
import { createKafka, ensureTopics, type KafkaOptions } from "../../runtime/kafka.ts";
import { deadLetter } from "../../runtime/dead_letter_record.ts";
import { openReader, readRange, type ReadRecord } from "../../runtime/kafka_reader.ts";
import { openSender, type OutgoingRecord, type Sender } from "../../runtime/kafka_sender.ts";
import { createLogger } from "../../runtime/log.ts";
import { migrate } from "../../services/sink/migrate.ts";
import { createTickPartitions } from "../../services/sink/tick_partitions.ts";
import type { TestServers } from "../local/test_servers.ts";
import { type AuditOptions, clusterId } from "./audit.ts";
import type { TickStage } from "./tick_book.ts";

/** 2024-03-01 09:31 UTC: a day for which `ticks` has a partition from the start. */
export const MINUTE = 1_709_285_460_000;
export const NEXT_MINUTE = MINUTE + 60_000;
/** Why the aggregator discards a tick. */
export const LATE = { reason: "late", message: "too late" } as const;
export const PARTITIONS = 2;
const SINK = "sink";

/** Topics and a database of their own on the test's servers. */
export interface StackUnderTest {
  kafka: Kafka;
  options: AuditOptions;
  database: Database;
  cluster_id: string;
  close(): Promise<void>;
}

/**
 * Makes topics and tables.
 *
 * @param servers Running servers.
 * @param name Goes into the topics' names.
 */
export async function openStack(servers: TestServers, name: string): Promise<StackUnderTest> {
  const kafka_options: KafkaOptions = {
    bootstrap_servers: [servers.bootstrap],
    client_id: "ledger-test",
    log: createLogger("ledger-test", "error"),
  };
  const kafka = createKafka(kafka_options);
  const names = Object.fromEntries(
    Object.entries(DEFAULT_TOPIC_NAMES).map(([role, topic]) => [role, `${topic}-${name}`]),
  ) as typeof DEFAULT_TOPIC_NAMES;
  const shapes = topicShapes({ names, tick_partitions: PARTITIONS, retention_ms: -1 });
  await ensureTopics(kafka, Object.values(shapes));
  const cluster_id = await clusterId(kafka_options);
  const database_url = await servers.newDatabase();
  const database = openDatabase({
    url: database_url,
    application_name: "ledger-test",
    pool_size: 2,
    statement_timeout_ms: 10_000,
  });
  await migrate(database);
  return {
    kafka,
    database,
    cluster_id,
    options: {
      kafka: kafka_options,
      database_url,
      tick_topic: names.ticks,
      candle_topic: names.candles,
      dead_letter_topic: names.dead_letters,
      sink_consumer: SINK,
      tick_retention_days: null,
    },
    close: () => database.close(),
  };
}

/** A tick that differs from those of other numbers. */
export function tickOf(number: number): Tick {
  return { source: "test", symbol: "IBM", price: 180 + number, volume: 100, timestamp: MINUTE };
}

/** A record for the tick topic. */
export function tickRecord(
  stack: StackUnderTest,
  partition: number,
  timestamp_ms: number,
  value: Tick | string,
  headers: { [name: string]: string } = {},
): OutgoingRecord {
  return {
    topic: stack.options.tick_topic,
    partition,
    key: "IBM",
    value: typeof value === "string" ? value : JSON.stringify(value),
    timestamp_ms,
    headers,
  };
}

/** A marker that confirms ticks of one minute. */
export function markerRecord(
  stack: StackUnderTest,
  partition: number,
  minute: number,
  ticks: readonly Tick[],
): OutgoingRecord {
  const checksum = ticks.reduce((sum, tick) => addChecksum(sum, tickHash(tick)), 0);
  const marker: Marker = {
    source: "producer",
    run: "test",
    confirmed: ticks.length > 0 ? [{ minute, ticks: ticks.length, checksum }] : [],
  };
  return tickRecord(stack, partition, minute, JSON.stringify(marker), {
    [RECORD_KIND_HEADER]: "marker",
  });
}

/** Runs with a producer of its own (so with a Kafka producer id of its own). */
export async function withSender<Result>(
  stack: StackUnderTest,
  work: (sender: Sender) => Promise<Result>,
): Promise<Result> {
  const sender = await openSender(stack.kafka, "none");
  try {
    return await work(sender);
  } finally {
    await sender.close();
  }
}

/** Reads a topic's partition whole. */
export async function readAll(
  stack: StackUnderTest,
  topic: string,
  partition: number,
): Promise<ReadRecord[]> {
  const reader = await openReader(stack.options.kafka);
  try {
    const { earliest, last_stable } = await reader.ends(topic, partition);
    const records: ReadRecord[] = [];
    for await (const batch of readRange(reader, topic, partition, earliest, last_stable)) {
      records.push(...batch);
    }
    return records;
  } finally {
    await reader.close();
  }
}

/** Offsets that a stage refuses beside what is no tick, by partition, with the reason. */
export type Refusing = { [partition: number]: { [offset: string]: Fault } };

/** Splits what a stage reads into what it takes and what it refuses. */
function judgeAll(
  records: readonly ReadRecord[],
  stage: TickStage,
  refusing: { [offset: string]: Fault } = {},
): {
  taken: { record: ReadRecord; tick: Tick }[];
  refused: { record: ReadRecord; fault: Fault }[];
} {
  const taken: { record: ReadRecord; tick: Tick }[] = [];
  const refused: { record: ReadRecord; fault: Fault }[] = [];
  for (const record of records) {
    if (headerText(record.headers, RECORD_KIND_HEADER) !== null) continue;
    const only_stage = headerText(record.headers, ONLY_STAGE_HEADER);
    if (only_stage !== null && only_stage !== stage) continue;
    const decoded = decodeTick(record.value);
    const fault = "fault" in decoded ? decoded.fault : refusing[record.offset];
    if (fault) refused.push({ record, fault });
    else if ("tick" in decoded) taken.push({ record, tick: decoded.tick });
  }
  return { taken, refused };
}

function letters(
  stack: StackUnderTest,
  stage: TickStage,
  partition: number,
  refused: readonly { record: ReadRecord; fault: Fault }[],
): OutgoingRecord[] {
  const { tick_topic: topic, dead_letter_topic } = stack.options;
  return refused.map((each) => deadLetter({ stage, topic, dead_letter_topic, partition }, each));
}

/** Writes what an aggregator would that reads the whole topic: letters, counts, its position. */
export async function aggregate(stack: StackUnderTest, refusing: Refusing = {}): Promise<void> {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const records = await readAll(stack, stack.options.tick_topic, partition);
    const { taken, refused } = judgeAll(records, "aggregator", refusing[partition]);
    const counts = new Map<number, LedgerRecord>();
    const countOf = (record: ReadRecord): LedgerRecord => {
      const minute = minuteOf(Number(record.timestamp));
      const first_offset = records[0]!.offset;
      const count = counts.get(minute) ??
        { minute, first_offset, processed: 0, checksum: 0, discarded: {} };
      counts.set(minute, count);
      return count;
    };
    for (const { record, tick } of taken) {
      const count = countOf(record);
      count.processed++;
      count.checksum = addChecksum(count.checksum, tickHash(tick));
    }
    for (const { record, fault } of refused) {
      const { discarded } = countOf(record);
      discarded[fault.reason] = (discarded[fault.reason] ?? 0) + 1;
    }
    const last = records.at(-1);
    await withSender(stack, async (sender) => {
      await sender.send([
        ...letters(stack, "aggregator", partition, refused),
        ...[...counts.values()].map((count) => ledgerOf(stack, partition, count)),
        stateOf(stack, partition, last === undefined ? 0 : Number(last.offset) + 1),
      ]);
    });
  }
}

/** A ledger record as the aggregator writes it. */
export function ledgerOf(
  stack: StackUnderTest,
  partition: number,
  count: LedgerRecord,
): OutgoingRecord {
  return {
    topic: stack.options.candle_topic,
    partition,
    key: ledgerKey(count.minute, count.first_offset),
    value: JSON.stringify(count),
    timestamp_ms: count.minute,
    headers: { [RECORD_KIND_HEADER]: "ledger" },
  };
}

/** A state record as the aggregator writes it. */
export function stateOf(
  stack: StackUnderTest,
  partition: number,
  next_offset: number,
): OutgoingRecord {
  return {
    topic: stack.options.candle_topic,
    partition,
    key: STATE_KEY,
    value: JSON.stringify({ next_offset: String(next_offset), reached: {}, restore_from: "0" }),
    timestamp_ms: MINUTE,
    headers: { [RECORD_KIND_HEADER]: "state" },
  };
}

/** Writes what a sink would that reads the whole topic: letters, rows, its position. */
export async function store(stack: StackUnderTest, refusing: Refusing = {}): Promise<void> {
  const { sql } = stack.database;
  await createTickPartitions(stack.database).ensure([Math.floor(Date.now() / 86_400_000)]);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const records = await readAll(stack, stack.options.tick_topic, partition);
    const { taken, refused } = judgeAll(records, "sink", refusing[partition]);
    await withSender(stack, (sender) => sender.send(letters(stack, "sink", partition, refused)));
    const rows = taken.map(({ record, tick }) => ({
      source: tick.source,
      symbol: tick.symbol,
      event_time: new Date(tick.timestamp),
      price: tick.price,
      volume: tick.volume,
      trade_id: tick.trade_id ?? null,
      price_forming: tick.price_forming ?? true,
      ingest_time: new Date(Number(record.timestamp)),
      kafka_partition: partition,
      kafka_offset: record.offset,
    }));
    if (rows.length > 0) await sql`insert into ticks ${sql(rows)}`;
    const last = records.at(-1);
    await setSinkPosition(stack, partition, last === undefined ? 0 : Number(last.offset) + 1);
  }
}

/** Sets the sink's position. */
export async function setSinkPosition(
  stack: StackUnderTest,
  partition: number,
  next_offset: number,
): Promise<void> {
  const { sql } = stack.database;
  await sql`insert into kafka_offsets (consumer, cluster_id, topic, partition, next_offset)
    values (${SINK}, ${stack.cluster_id}, ${stack.options.tick_topic}, ${partition}, ${next_offset})
    on conflict (consumer, cluster_id, topic, partition) do update set next_offset = ${next_offset}`;
}
