/**
 * The ledger: reads what each stage says of every partition and minute, and judges it.
 * docs/ledger.md tells what is compared with what.
 */
import { minuteOf } from "../../contract/records.ts";
import { createKafka, type KafkaOptions } from "../../runtime/kafka.ts";
import { type PartitionReader, readRange, type ReadRecord } from "../../runtime/kafka_reader.ts";
import { openDatabase } from "../../runtime/database.ts";
import { sleep, withDeadline } from "../../runtime/backoff.ts";
import { openOffsetLookup } from "../../runtime/kafka_offsets.ts";
import { reachKafka } from "../reach_kafka.ts";
import {
  type AggregatorCount,
  aggregatorMinutes,
  startAggregatorCount,
  takeCandleTopicRecord,
} from "./aggregator_count.ts";
import { type Books, judge, type LedgerReport, type PartitionBook } from "./judge.ts";
import {
  addRefusal,
  type Refusals,
  refusedOffsets,
  refusedPartitions,
  startRefusals,
} from "./refusals.ts";
import { readStored, type SinkIdentity, type Stored } from "./stored.ts";
import { countRecord, finishTickCount, startTickCount } from "./tick_count.ts";
import { retentionMs } from "./topic_retention.ts";
import type { Refused } from "./value_print.ts";

/** Where to look. */
export interface AuditOptions {
  kafka: KafkaOptions;
  /** postgres://user:password@host:port/database */
  database_url: URL | string;
  tick_topic: string;
  candle_topic: string;
  dead_letter_topic: string;
  /** The sink's consumer group: its position in `kafka_offsets` goes by it. */
  sink_consumer: string;
  /** How long rows of `ticks` are kept; null: for ever. */
  tick_retention_days: number | null;
  /** Judge the minutes from this one on, ms since the epoch; absent: all there are. */
  from_minute?: number;
  /**
   * Takes one core of Postgres' at most, and a quarter of one of its own: for whoever looks again and
   * again beside stages at work.
   */
  leaves_room?: boolean;
}

/** Counting hundreds of millions of rows takes minutes; nobody waits longer than this. */
const STATEMENT_TIMEOUT_MS = 600_000;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const CONNECT_DEADLINE_MS = 20_000;
/** Who leaves room pauses for so many times as long as it has read. */
const PAUSE_TIMES = 3;

/**
 * Reads and judges the ledger. Reads only.
 *
 * What differs is looked at a second time, and the second look stands: the broker finishes a
 * committed transaction in the background, so for a moment the aggregator's counts may be readable
 * and its dead letters not yet.
 *
 * @param options Where to look.
 * @returns The judged ledger.
 * @throws Error where it could not be judged: a server that can't be reached, a topic or a table
 *   that is not there.
 */
export async function audit(options: AuditOptions): Promise<LedgerReport> {
  const first = judge(await readBooks(options));
  return first.verdict === "differs" ? judge(await readBooks(options)) : first;
}

/**
 * The order matters: the stages' positions with their counts first, then the letters, the tick
 * topic last. Whatever the positions and counts include is then found in the letters and the topic.
 */
async function readBooks(options: AuditOptions): Promise<Books> {
  const { tick_topic } = options;
  const reader = await reachKafka(options.kafka, tick_topic);
  try {
    const partitions = await reader.partitions(tick_topic);
    if (partitions === 0) {
      throw new Error(
        `Cannot read the ledger: there is no topic ${tick_topic} at ` +
          `${options.kafka.bootstrap_servers.join(",")}. deno task start makes it`,
      );
    }
    const stored = await storedOf(options);
    const counts = await readAggregatorCounts(reader, options, partitions);
    const { refusals, trimmed_to } = await readRefusals(reader, options);
    const books: PartitionBook[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      books.push(await readPartition(reader, options, partition, refusals, counts, stored));
    }
    // Rows and letters may name partitions that the topic has not.
    const others = new Set([...stored.minutes.keys(), ...refusedPartitions(refusals)]);
    for (const partition of others) {
      if (partition < 0 || partition >= partitions) {
        books.push(absentPartition(partition, refusals, stored));
      }
    }
    return {
      partitions: books,
      doubled: stored.doubled,
      refused_at_doors: refusals.at_doors,
      letters_trimmed_to: trimmed_to,
      stored_from: Math.max(
        storedFrom(options.tick_retention_days, Date.now()),
        options.from_minute ?? -Infinity,
      ),
    };
  } finally {
    await reader.close();
  }
}

/** Rows expire by whole days of ingest time, UTC: those of the day of the limit are still there. */
function storedFrom(retention_days: number | null, now_ms: number): number {
  if (retention_days === null) return -Infinity;
  return (Math.floor(now_ms / DAY_MS) - retention_days) * DAY_MS;
}

async function storedOf(options: AuditOptions): Promise<Stored> {
  const sink: SinkIdentity = {
    consumer: options.sink_consumer,
    cluster_id: await clusterId(options.kafka),
    topic: options.tick_topic,
  };
  const database = openDatabase({
    url: options.database_url,
    application_name: "ledger",
    pool_size: 1,
    statement_timeout_ms: STATEMENT_TIMEOUT_MS,
  });
  try {
    return await withDeadline(
      readStored(database, sink, options.from_minute ?? null, options.leaves_room),
      3 * STATEMENT_TIMEOUT_MS,
      "Counting what is stored",
    );
  } finally {
    await database.close();
  }
}

/** Asks Kafka for the cluster's id: `kafka_offsets` names it. */
export async function clusterId(kafka: KafkaOptions): Promise<string> {
  const admin = createKafka(kafka).admin();
  try {
    const cluster = admin.connect().then(() => admin.describeCluster());
    return (await withDeadline(cluster, CONNECT_DEADLINE_MS, "Asking Kafka for its id")).clusterId;
  } finally {
    await admin.disconnect();
  }
}

/**
 * The offset from which a partition is read. It begins a minute early, so that the receipts and the
 * aggregator's counts of the first minute that is judged are complete.
 */
async function startOf(
  reader: PartitionReader,
  { kafka, from_minute }: AuditOptions,
  topic: string,
  partition: number,
): Promise<bigint> {
  const { earliest, last_stable } = await reader.ends(topic, partition);
  if (from_minute === undefined) return earliest;
  const lookup = await openOffsetLookup(kafka);
  try {
    const timestamp_ms = from_minute - MINUTE_MS;
    const [answer] = await lookup.ask([{ topic, partition, timestamp_ms }]);
    // Where there is no younger record there is nothing to read.
    const found = answer?.offset ?? last_stable;
    return found > earliest ? found : earliest;
  } finally {
    await lookup.close();
  }
}

/** Reads a range, record by record. */
async function readAll(
  reader: PartitionReader,
  { leaves_room = false }: AuditOptions,
  { topic, partition, start, end }: {
    topic: string;
    partition: number;
    start: bigint;
    end: bigint;
  },
  take: (record: ReadRecord) => void,
): Promise<void> {
  let began_at_ms = performance.now();
  for await (const records of readRange(reader, topic, partition, start, end)) {
    for (const record of records) take(record);
    if (leaves_room) await sleep(PAUSE_TIMES * (performance.now() - began_at_ms));
    began_at_ms = performance.now();
  }
}

async function readAggregatorCounts(
  reader: PartitionReader,
  options: AuditOptions,
  partitions: number,
): Promise<AggregatorCount[]> {
  const { candle_topic } = options;
  const present = await reader.partitions(candle_topic);
  const counts = Array.from({ length: partitions }, startAggregatorCount);
  for (let partition = 0; partition < Math.min(partitions, present); partition++) {
    const start = await startOf(reader, options, candle_topic, partition);
    const { last_stable } = await reader.ends(candle_topic, partition);
    await readAll(reader, options, { topic: candle_topic, partition, start, end: last_stable }, (
      record,
    ) => takeCandleTopicRecord(counts[partition]!, record));
  }
  return counts;
}

/** The letters, and up to which minute some may have expired: -Infinity where none has. */
async function readRefusals(
  reader: PartitionReader,
  options: AuditOptions,
): Promise<{ refusals: Refusals; trimmed_to: number }> {
  const topic = options.dead_letter_topic;
  const refusals = startRefusals(options.tick_topic);
  const present = await reader.partitions(topic);
  if (present === 0) return { refusals, trimmed_to: -Infinity };
  const { earliest, last_stable } = await reader.ends(topic, 0);
  const start = await startOf(reader, options, topic, 0);
  await readAll(
    reader,
    options,
    { topic, partition: 0, start, end: last_stable },
    (record) => addRefusal(refusals, record),
  );
  if (earliest === 0n) return { refusals, trimmed_to: -Infinity };
  // Not up to the oldest letter left: where letters are rare that may be today's, or none. A letter
  // has its record's timestamp, and Kafka deletes by it.
  return { refusals, trimmed_to: minuteOf(Date.now() - await retentionMs(options.kafka, topic)) };
}

async function readPartition(
  reader: PartitionReader,
  options: AuditOptions,
  partition: number,
  refusals: Refusals,
  counts: readonly AggregatorCount[],
  stored: Stored,
): Promise<PartitionBook> {
  const { tick_topic, from_minute } = options;
  const start = await startOf(reader, options, tick_topic, partition);
  const { earliest, last_stable } = await reader.ends(tick_topic, partition);
  const refused = {
    aggregator: refusedOffsets(refusals, "aggregator", partition),
    sink: refusedOffsets(refusals, "sink", partition),
  };
  const count = start > earliest
    ? startTickCount(0n, refused, from_minute! - MINUTE_MS)
    : startTickCount(earliest, refused);
  await readAll(reader, options, { topic: tick_topic, partition, start, end: last_stable }, (
    record,
  ) => countRecord(count, record));
  const aggregator = counts[partition]!;
  // A letter below the topic's start has outlived its record; one at or past the end points nowhere.
  const leftOver = (letters: Refused): number =>
    [...letters.keys()].filter((offset) => offset >= Number(start)).length;
  return {
    partition,
    ticks: finishTickCount(count),
    aggregator: aggregatorMinutes(aggregator),
    stored: stored.minutes.get(partition) ?? new Map(),
    positions: {
      // No state was written since the start: the aggregator is there, or has nothing to do.
      aggregator: aggregator.position === 0 && start > earliest
        ? Number(start)
        : aggregator.position,
      sink: stored.positions.get(partition) ?? 0,
    },
    earliest: Number(earliest),
    end: Number(last_stable),
    letters_without_record: {
      aggregator: leftOver(refused.aggregator),
      sink: leftOver(refused.sink),
    },
  };
}

/** The book of a partition that the topic has not: whatever names it is a difference. */
function absentPartition(partition: number, refusals: Refusals, stored: Stored): PartitionBook {
  const refused = {
    aggregator: refusedOffsets(refusals, "aggregator", partition),
    sink: refusedOffsets(refusals, "sink", partition),
  };
  return {
    partition,
    ticks: finishTickCount(startTickCount(0n, refused)),
    aggregator: new Map(),
    stored: stored.minutes.get(partition) ?? new Map(),
    positions: { aggregator: 0, sink: 0 },
    earliest: 0,
    end: 0,
    letters_without_record: { aggregator: refused.aggregator.size, sink: refused.sink.size },
  };
}
