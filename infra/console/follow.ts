/** Follows topics as they grow, from their end or their beginning, over a broker's restart too. */
import { backoffDelay, sleep } from "../../runtime/backoff.ts";
import type { KafkaOptions } from "../../runtime/kafka.ts";
import type { PartitionReader, ReadBatch, ReadRecord } from "../../runtime/kafka_reader.ts";
import { reachKafka } from "../reach_kafka.ts";

/** What is followed, and who is told. */
export interface FollowOptions {
  kafka: KafkaOptions;
  topics: readonly string[];
  from_beginning: boolean;
  /** Ends it. */
  stopping: AbortSignal;
  /** Told once, when whatever comes from now on will be shown. */
  onStarted(): void;
  /** Told of records as they come, in order within a partition. */
  onRecords(topic: string, records: readonly ReadRecord[]): void;
  /** Told that Kafka could not be read and that it will be tried again. */
  onTrouble(message: string): void;
}

/** Wait after a round in which nothing came. */
const IDLE_MS = 50;
const BACKOFF = { initial_ms: 200, max_ms: 3_000 };
/** A person looks at it, so small fetches that are shown soon are better than large ones. */
const FETCH_BYTES_MAX = 1_048_576;

/** Next offsets by topic, one a partition. */
type Positions = Map<string, bigint[]>;

/**
 * Follows topics until it is stopped.
 *
 * @param options What is followed.
 * @throws Error where the first look fails: no Kafka there, or no such topic.
 */
export async function follow(options: FollowOptions): Promise<void> {
  const { stopping } = options;
  let positions: Positions | null = null;
  let started = false;
  for (let failures = 0; !stopping.aborted;) {
    let reader: PartitionReader | null = null;
    let trouble: unknown;
    try {
      reader = await reachKafka(options.kafka, options.topics[0]!, FETCH_BYTES_MAX);
      if (positions === null) {
        positions = await startPositions(reader, options);
        if (!started) options.onStarted();
        started = true;
      }
      failures = 0;
    } catch (error) {
      if (!started) throw error;
      trouble = error;
    }
    try {
      if (reader !== null && positions !== null) trouble = await readOn(reader, positions, options);
    } finally {
      await reader?.close();
    }
    if (trouble === null) return;
    if (isOffsetGone(trouble)) {
      options.onTrouble("What was to come next has been trimmed; going on with what there is now");
      positions = null;
    } else {
      options.onTrouble(`Kafka can't be read (${(trouble as Error).message}); trying again`);
    }
    await sleep(backoffDelay(BACKOFF, failures++), stopping);
  }
}

async function startPositions(
  reader: PartitionReader,
  { topics, from_beginning, kafka }: FollowOptions,
): Promise<Positions> {
  const positions: Positions = new Map();
  for (const topic of topics) {
    const partitions = await reader.partitions(topic);
    if (partitions === 0) {
      throw new Error(
        `Cannot follow topic ${topic}: it does not exist at ${
          kafka.bootstrap_servers.join(",")
        }. ` +
          "deno task start makes it",
      );
    }
    const offsets: bigint[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const { earliest, last_stable } = await reader.ends(topic, partition);
      offsets.push(from_beginning ? earliest : last_stable);
    }
    positions.set(topic, offsets);
  }
  return positions;
}

/**
 * Goes round the partitions; the waits are ours, since one connection serves one fetch at a time.
 *
 * @returns Null when it was stopped, otherwise why Kafka could not be read. What the listener
 *   throws goes on to the caller.
 */
async function readOn(
  reader: PartitionReader,
  positions: Positions,
  { stopping, onRecords }: FollowOptions,
): Promise<unknown> {
  while (!stopping.aborted) {
    let came = false;
    for (const [topic, offsets] of positions) {
      for (let partition = 0; partition < offsets.length && !stopping.aborted; partition++) {
        let batch: ReadBatch;
        try {
          batch = await reader.fetch(topic, partition, offsets[partition]!, 0);
        } catch (error) {
          return error;
        }
        if (batch.next_offset === offsets[partition]) continue;
        offsets[partition] = batch.next_offset;
        came = true;
        if (batch.records.length > 0) onRecords(topic, batch.records);
      }
    }
    if (!came) await sleep(IDLE_MS, stopping);
  }
  return null;
}

function isOffsetGone(error: unknown): boolean {
  return (error as { type?: string }).type === "OFFSET_OUT_OF_RANGE";
}
