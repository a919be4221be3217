/** Reads ticks and candles in a consumer group, and stores each partition's batches in slices. */
import type { EachBatchPayload, Kafka, KafkaMessage, TopicOffsets } from "kafkajs";
import { backoffDelay, sleep } from "../../runtime/backoff.ts";
import { answeredWithin } from "../../runtime/database.ts";
import { createGroupConsumer, type Membership } from "../../runtime/kafka_consumer.ts";
import { isEmptyBetween, type PartitionReader } from "../../runtime/kafka_reader.ts";
import { noContexts, noteRecord, openKafkaSpan, tellPoll } from "../../runtime/kafka_spans.ts";
import { errorFields } from "../../runtime/log.ts";
import { exemplarOf, type Span, within } from "../../runtime/spans.ts";
import { candleSlice } from "./candle_slice.ts";
import { createEmptyMoves } from "./empty_moves.ts";
import { claimPosition, PositionRefusedError } from "./position.ts";
import type { Slice, SlicePlace } from "./slice.ts";
import { type WriterOptions, writeSlice } from "./slice_writer.ts";
import { tickSlice } from "./tick_slice.ts";
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
const CLAIM_BACKOFF = { initial_ms: 50, max_ms: 5_000 };

/** Joins the group and works until it is stopped. */
export async function startConsumer(options: ConsumeOptions): Promise<RunningConsumer> {
  const { writer, stopping } = options;
  const { database, owner, metrics, log, trouble } = writer;
  /** What the database holds for us, by `topic/partition`; forgotten at every doubt. */
  const positions = new Map<string, bigint>();
  const moves = createEmptyMoves(
    moveOverEmpty,
    (place, error) => log.debug("the position stays behind", { place, ...errorFields(error) }),
  );
  /** The partitions that the group has given us, by `topic/partition`. */
  let assigned = new Map<string, { topic: string; partition: number }>();
  /** Tells Kafka positions, as the membership that brought the newest batch; null for none. */
  let commitOnce: EachBatchPayload["commitOffsetsIfNecessary"] | null = null;
  const { consumer, heartbeat_interval_ms, faults, membership, lastFetch } = createGroupConsumer({
    kafka: options.kafka,
    log,
    metrics,
    group: owner.consumer,
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
      commitOnce = null;
      positions.clear();
      trouble.clear();
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
    (topic, partition) => assigned.has(`${topic}/${partition}`),
    (error) => {
      metrics.errors.inc({ kind: "kafka_commit" });
      log.debug("the position could not be told to Kafka", errorFields(error));
    },
    stopping,
  );

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

  /** Takes note of what the database holds now. */
  function notePosition(topic: string, partition: number, next_offset: bigint): void {
    const place = `${topic}/${partition}`;
    positions.set(place, next_offset);
    // What was stored while the partition went to another instance is not for us to show.
    if (!assigned.has(place)) return;
    metrics.next_offset.set({ topic, partition: String(partition) }, Number(next_offset));
  }

  /** Reads the position until it is had; null when the signal is aborted first. */
  async function claim(
    topic: string,
    partition: number,
    signal: AbortSignal,
  ): Promise<bigint | null> {
    const place = `${topic}/${partition}`;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const readEnds = () => options.reader.ends(topic, partition);
        const claiming = claimPosition(database, owner, topic, partition, readEnds);
        const { store_deadline_ms } = writer;
        const doing = `Claiming ${place}`;
        const claimed = await answeredWithin(database, claiming, store_deadline_ms, doing);
        if (claimed.trimmed > 0n) {
          metrics.trimmed.inc(Number(claimed.trimmed));
          metrics.errors.inc({ kind: "trimmed" });
          log.error("the topic's retention deleted records before they were stored", {
            event: "trimmed",
            place,
            records: claimed.trimmed,
          });
        }
        trouble.delete(place);
        return claimed.next_offset;
      } catch (error) {
        if (error instanceof PositionRefusedError) {
          trouble.set(place, error.message);
          options.fail(error);
          return null;
        }
        metrics.errors.inc({ kind: "claim" });
        const { message } = error as Error;
        if (trouble.get(place) !== message) {
          log.warn("a position could not be read; trying again", {
            place,
            ...errorFields(error),
          });
        }
        trouble.set(place, message);
        await sleep(backoffDelay(CLAIM_BACKOFF, attempt), signal);
      }
    }
    return null;
  }

  /**
   * Moves the position over transaction markers and aborted records: kafkajs steps over a batch that
   * holds nothing else by itself, and the position would stay below the topic's end.
   */
  async function moveOverEmpty(topic: string, partition: number, to: bigint): Promise<void> {
    const place = `${topic}/${partition}`;
    const known = positions.get(place);
    const { earliest } = await options.reader.ends(topic, partition);
    // What retention has deleted is no empty run of offsets: claiming the position counts it.
    const from = known !== undefined && known >= earliest
      ? known
      : await claim(topic, partition, stopping);
    if (from === null) return;
    if (from >= to) return await told.note(topic, partition, from);
    if (!await isEmptyBetween(options.reader, topic, partition, from, to)) return;
    const slice = sliceOf([], { topic, partition, from, to });
    if (await writeSlice({ ...writer, span: null }, slice, stopping) !== "stored") {
      positions.delete(place);
      return;
    }
    notePosition(topic, partition, to);
    await told.note(topic, partition, to);
  }

  /**
   * The position from which this batch goes on; null where it can't be used. It may start past the
   * position, where kafkajs has stepped over a batch without records.
   */
  async function startOf(
    { batch }: EachBatchPayload,
    signal: AbortSignal,
  ): Promise<bigint | null> {
    const { topic, partition } = batch;
    const place = `${topic}/${partition}`;
    const fetched = BigInt((batch as unknown as { fetchedOffset: string }).fetchedOffset);
    const known = positions.get(place);
    if (known === fetched) return known;
    const position = await claim(topic, partition, signal);
    if (position === null) return null;
    notePosition(topic, partition, position);
    // Whoever had the partition before may have stored it without a word to Kafka.
    await told.note(topic, partition, position);
    if (position === fetched) return position;
    if (
      position < fetched &&
      await isEmptyBetween(options.reader, topic, partition, position, fetched)
    ) {
      return position;
    }
    consumer.seek({ topic, partition, offset: String(position) });
    return null;
  }

  function sliceOf(messages: readonly KafkaMessage[], place: SlicePlace): Slice {
    return place.topic === options.tick_topic
      ? tickSlice(messages, place, Date.now())
      : candleSlice(messages, place);
  }

  /** The span of records that are stored together; null where none of them is sampled. */
  function openSliceSpan(
    topic: string,
    partition: number,
    messages: readonly KafkaMessage[],
  ): Span | null {
    const contexts = noContexts();
    for (const { headers } of messages) if (headers !== undefined) noteRecord(contexts, headers);
    const place = {
      topic,
      partition,
      group: owner.consumer,
      message_count: messages.length,
      offset: messages[0]!.offset,
    };
    tellPoll(contexts, lastFetch(), place);
    return openKafkaSpan(contexts, { operation: "process", ...place });
  }

  async function storeBatch(payload: EachBatchPayload, signal: AbortSignal): Promise<void> {
    const { batch, resolveOffset, isRunning, isStale } = payload;
    const { topic, partition, messages } = batch;
    const place = `${topic}/${partition}`;
    const started_at = performance.now();
    await moves.ended(topic, partition);
    let from = await startOf(payload, signal);
    if (from === null) return;
    let traced: Span | null = null;
    const end = BigInt(batch.lastOffset()) + 1n;
    for (let start = 0; start < messages.length; start += options.batch_rows) {
      if (!isRunning() || isStale() || signal.aborted) return;
      const next = messages[start + options.batch_rows];
      const to = next === undefined ? end : BigInt(next.offset);
      const taken = messages.slice(start, start + options.batch_rows);
      const span = openSliceSpan(topic, partition, taken);
      traced = span ?? traced;
      const slice = sliceOf(taken, { topic, partition, from, to });
      const received = slice.rows.records.length + slice.refused.length + slice.replaced;
      const outcome = await within(span, () => writeSlice({ ...writer, span }, slice, signal));
      if (outcome !== "stored") {
        // The next batch reads the position anew.
        positions.delete(place);
        return;
      }
      metrics.received.inc({ from: slice.table }, received);
      notePosition(topic, partition, to);
      resolveOffset(String(to - 1n));
      from = to;
    }
    metrics.duration.observe({
      value: (performance.now() - started_at) / 1000,
      ...exemplarOf(traced),
    });
    if (assigned.has(place)) {
      const lag = Math.max(0, Number(BigInt(batch.highWatermark) - end));
      metrics.lag.set({ topic, partition: String(partition) }, lag);
    }
    await told.note(topic, partition, end);
  }

  async function takeBatch(payload: EachBatchPayload): Promise<void> {
    if (!payload.isRunning() || payload.isStale()) return;
    if (stopping.aborted) {
      // What is not resolved is fetched again at once, until the consumer is gone.
      await sleep(50);
      return;
    }
    commitOnce = payload.commitOffsetsIfNecessary;
    const lost = new AbortController();
    const alive = setInterval(() => {
      // It throws where the group has a new assignment: the batch is then left as it is.
      payload.heartbeat().catch((error) => lost.abort(error));
    }, heartbeat_interval_ms);
    try {
      await storeBatch(payload, AbortSignal.any([stopping, lost.signal]));
    } finally {
      clearInterval(alive);
    }
    // kafkajs must hear of a lost assignment itself: it joins again then.
    if (lost.signal.aborted) throw lost.signal.reason;
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
