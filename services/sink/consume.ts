/** Reads ticks and candles in a consumer group, and has each partition's batches stored. */
import type { EachBatchPayload, Kafka, TopicOffsets } from "kafkajs";
import { finishedBefore, sleep } from "../../runtime/backoff.ts";
import { createGroupConsumer, type Membership } from "../../runtime/kafka_consumer.ts";
import type { PartitionReader } from "../../runtime/kafka_reader.ts";
import { errorFields } from "../../runtime/log.ts";
import { type Batch, createBatchStore } from "./batch_store.ts";
import { createEmptyMoves } from "./empty_moves.ts";
import type { WriterOptions } from "./slice_writer.ts";
import { createStoring } from "./storing.ts";
import { tellPositions, type ToldPosition } from "./told_positions.ts";

/** What the consumer is told once. */
export interface ConsumeOptions {
  kafka: Kafka;
  reader: PartitionReader;
  tick_topic: string;
  candle_topic: string;
  batch_rows: number;
  partitions_concurrent: number;
  fetch_wait_ms: number;
  session_timeout_ms: number;
  writer: Omit<WriterOptions, "span">;
  stopping: AbortSignal;
  fail: (error: unknown) => void;
}

/** A running consumer. */
export interface RunningConsumer {
  /** What keeps it from working, a sentence each. */
  faults(): string[];
  membership(): Membership;
  stop(): Promise<void>;
}

const FETCH_BYTES_PARTITION_MAX = 4_194_304;
/** How long a stop waits for what is being told to Kafka. */
const TELL_WAIT_MS = 500;

/** Joins the group and works until it is stopped. */
export async function startConsumer(options: ConsumeOptions): Promise<RunningConsumer> {
  const { writer, stopping } = options;
  const { metrics, log, trouble } = writer;
  /** The partitions that the group has given us, by `topic/partition`. */
  let assigned = new Map<string, { topic: string; partition: number }>();
  const isOurs = (topic: string, partition: number) => assigned.has(`${topic}/${partition}`);
  /** Tells Kafka positions, as the membership that brought the newest batch; null for none. */
  let commitOnce: EachBatchPayload["commitOffsetsIfNecessary"] | null = null;
  const storing = createStoring(options.partitions_concurrent);
  const moves = createEmptyMoves(async (topic, partition, to) => {
    const place = `${topic}/${partition}`;
    const move = (dropped: AbortSignal) =>
      batches.moveOverEmpty(topic, partition, to, AbortSignal.any([stopping, dropped]))
        .catch((error) => log.debug("the position stays behind", { place, ...errorFields(error) }));
    if (await storing.begin(place, stopping, move)) await storing.ended(place);
  });
  const { consumer, heartbeat_interval_ms, faults, membership, lastFetch } = createGroupConsumer({
    kafka: options.kafka,
    log,
    metrics,
    group: writer.owner.consumer,
    session_timeout_ms: options.session_timeout_ms,
    fetch_wait_ms: options.fetch_wait_ms,
    partition_bytes_max: FETCH_BYTES_PARTITION_MAX,
    partitions: await countPartitions(options),
    onJoin(assignment) {
      const before = assigned;
      assigned = placesOf(assignment);
      for (const [place, { topic, partition }] of before) {
        if (assigned.has(place)) continue;
        metrics.lag.remove({ topic, partition: String(partition) });
        metrics.next_offset.remove({ topic, partition: String(partition) });
      }
      storing.drop((place) => !assigned.has(place));
      commitOnce = null;
      batches.forgetPositions();
      for (const place of trouble.keys()) if (!assigned.has(place)) trouble.delete(place);
    },
    onCrash: () => metrics.errors.inc({ kind: "consumer_crash" }),
    fail: options.fail,
  });

  const told = tellPositions(
    // The consumer's own way does nothing once it is stopping, and without a word; and it tries
    // again and again, whosever the partition is by then.
    (positions) =>
      commitOnce === null
        ? consumer.commitOffsets(positions)
        : commitOnce({ topics: byTopic(positions) }),
    isOurs,
    (error) => {
      metrics.errors.inc({ kind: "kafka_commit" });
      log.debug("the position could not be told to Kafka", errorFields(error));
    },
    stopping,
  );
  const batches = createBatchStore({ ...options, told, isOurs, lastFetch });

  // From the start, so that nothing is told as nothing, and not as not known.
  metrics.fresh_rows.inc(0);
  metrics.trimmed.inc(0);
  for (const table of ["ticks", "candles"]) {
    metrics.received.inc({ from: table }, 0);
    metrics.sent.inc({ to: table }, 0);
    metrics.rows_stored.inc({ table }, 0);
  }

  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (payload.batchSize > 0) return;
    const { topic, partition } = payload;
    moves.moveTo(topic, partition, BigInt(payload.lastOffset) + 1n);
  });

  /** Stores a batch whose end kafkajs takes for done; where it is not stored, it is read again. */
  async function storeBatch(batch: Batch, taken_at: number, dropped: AbortSignal): Promise<void> {
    const { topic, partition } = batch;
    try {
      const signal = AbortSignal.any([stopping, dropped]);
      const again_from = await batches.store(batch, taken_at, signal);
      if (again_from === null || stopping.aborted || !isOurs(topic, partition)) return;
      readAgain(topic, partition, again_from);
    } catch (error) {
      options.fail(error);
    }
  }

  function readAgain(topic: string, partition: number, from: bigint): void {
    try {
      consumer.seek({ topic, partition, offset: String(from) });
    } catch (error) {
      // Between a crash of kafkajs and its next start; that begins where Kafka was told.
      log.debug("there is no group to read again in", errorFields(error));
    }
  }

  /** Ends when the batch is being stored: kafkajs fetches the next ones meanwhile. */
  async function takeBatch(payload: EachBatchPayload): Promise<void> {
    if (!payload.isRunning() || payload.isStale()) return;
    if (stopping.aborted) {
      // What is not resolved is fetched again at once, until the consumer is gone.
      await Promise.race([storing.allEnded(), sleep(heartbeat_interval_ms)]);
      await sleep(50);
      return;
    }
    commitOnce = payload.commitOffsetsIfNecessary;
    const taken_at = performance.now();
    const { batch } = payload;
    const { topic, partition } = batch;
    const lost = new AbortController();
    // It throws where the group has a new assignment.
    const keepAlive = () => payload.heartbeat().catch((error) => lost.abort(error));
    const alive = setInterval(keepAlive, heartbeat_interval_ms);
    try {
      const signal = AbortSignal.any([stopping, lost.signal]);
      if (await finishedBefore(signal, moves.ended(topic, partition))) {
        await storing.begin(`${topic}/${partition}`, signal, (dropped) => {
          // The batch before it was not stored, or another has it by now.
          if (payload.isStale() || !isOurs(topic, partition)) return Promise.resolve();
          payload.resolveOffset(batch.lastOffset());
          return storeBatch(batch, taken_at, dropped);
        });
      }
      await keepAlive();
      if (!lost.signal.aborted) return;
      // Whoever gets the partitions had better find what is being stored now stored.
      storing.drop(() => true);
      await storing.allEnded();
      // kafkajs must hear of a lost assignment itself: it joins again then.
      throw lost.signal.reason;
    } finally {
      clearInterval(alive);
    }
  }

  await consumer.connect();
  await consumer.subscribe({
    topics: [options.tick_topic, options.candle_topic],
    fromBeginning: true,
  });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: options.partitions_concurrent,
    eachBatch: takeBatch,
  });
  const telling = told.run();

  return {
    faults: () => [
      ...[...trouble].map(([place, message]) => `${place}: ${message}`),
      ...faults(),
    ],
    membership,
    async stop() {
      // A broker that hangs must not use up the time for what is being stored.
      await Promise.race([telling, sleep(TELL_WAIT_MS)]);
      // Of what is stored now only a member can tell Kafka.
      await storing.allEnded();
      await consumer.disconnect();
      await moves.allEnded();
    },
  };
}

async function countPartitions(
  { reader, tick_topic, candle_topic }: ConsumeOptions,
): Promise<number> {
  const counts = await Promise.all([tick_topic, candle_topic].map(reader.partitions));
  return counts[0]! + counts[1]!;
}

/** Positions as kafkajs' membership takes them. */
function byTopic(positions: readonly ToldPosition[]): TopicOffsets[] {
  return [...Map.groupBy(positions, ({ topic }) => topic)].map(([topic, of_topic]) => ({
    topic,
    partitions: of_topic.map(({ partition, offset }) => ({ partition, offset })),
  }));
}

function placesOf(
  assignment: { [topic: string]: number[] },
): Map<string, { topic: string; partition: number }> {
  return new Map(
    Object.entries(assignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => [`${topic}/${partition}`, { topic, partition }])
    ),
  );
}
