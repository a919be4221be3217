/** Stores a partition's batches in slices, from the position that the database holds. */
import type { EachBatchPayload, KafkaMessage } from "kafkajs";
import { backoffDelay, sleep } from "../../runtime/backoff.ts";
import { answeredWithin } from "../../runtime/database.ts";
import { isEmptyBetween, type PartitionReader } from "../../runtime/kafka_reader.ts";
import {
  type FetchTime,
  noContexts,
  noteRecord,
  openKafkaSpan,
  tellPoll,
} from "../../runtime/kafka_spans.ts";
import { errorFields } from "../../runtime/log.ts";
import { exemplarOf, type Span, within } from "../../runtime/spans.ts";
import { candleSlice } from "./candle_slice.ts";
import { claimPosition, PositionRefusedError } from "./position.ts";
import type { Slice, SlicePlace } from "./slice.ts";
import { type WriterOptions, writeSlice } from "./slice_writer.ts";
import { tickSlice } from "./tick_slice.ts";
import type { ToldPositions } from "./told_positions.ts";

/** A batch as kafkajs hands it over. */
export type Batch = EachBatchPayload["batch"];

/** What storing batches needs. */
export interface BatchStoreOptions {
  reader: PartitionReader;
  tick_topic: string;
  batch_rows: number;
  writer: Omit<WriterOptions, "span">;
  fail: (error: unknown) => void;
  told: Pick<ToldPositions, "note">;
  /** Whether the group has given us a partition. */
  isOurs(topic: string, partition: number): boolean;
  /** The fetch that brought the newest batches; null where several brokers are asked. */
  lastFetch(): FetchTime | null;
}

/** Stores batches; one of a partition at a time. */
export interface BatchStore {
  /**
   * Stores a batch.
   *
   * @param taken_at When kafkajs handed it over, ms by performance.now().
   * @param signal Ends waiting: the service stops, or the partition is another's.
   * @returns Null where it is stored; where not, the offset from which to read again.
   * @throws Error where the sender of dead letters can't go on.
   */
  store(batch: Batch, taken_at: number, signal: AbortSignal): Promise<bigint | null>;
  /**
   * Moves the position over transaction markers and aborted records: kafkajs steps over a batch
   * that holds nothing else by itself, and the position would stay below the topic's end.
   *
   * @param to The position after them.
   * @param signal Ends waiting.
   * @throws Error where Kafka does not answer; the position then stays behind until the next batch.
   */
  moveOverEmpty(
    topic: string,
    partition: number,
    to: bigint,
    signal: AbortSignal,
  ): Promise<void>;
  /** Forgets what the database holds for us: it is read anew. */
  forgetPositions(): void;
}

const CLAIM_BACKOFF = { initial_ms: 50, max_ms: 5_000 };

/** Makes a store of batches. */
export function createBatchStore(options: BatchStoreOptions): BatchStore {
  const { reader, writer, told, isOurs } = options;
  const { database, owner, metrics, log, trouble } = writer;
  /** What the database holds for us, by `topic/partition`; forgotten at every doubt. */
  const positions = new Map<string, bigint>();

  /** Takes note of what the database holds now. */
  function notePosition(topic: string, partition: number, next_offset: bigint): void {
    positions.set(`${topic}/${partition}`, next_offset);
    // What was stored while the partition went to another instance is not for us to show.
    if (!isOurs(topic, partition)) return;
    metrics.next_offset.set({ topic, partition: String(partition) }, Number(next_offset));
  }

  /** Asks again and again; null where the signal was aborted first, or the position is refused. */
  async function untilAnswered<Answer>(
    place: string,
    ask: () => Promise<Answer>,
    signal: AbortSignal,
  ): Promise<Answer | null> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const answer = await ask();
        trouble.delete(place);
        return answer;
      } catch (error) {
        const { message } = error as Error;
        if (error instanceof PositionRefusedError) {
          trouble.set(place, message);
          options.fail(error);
          return null;
        }
        metrics.errors.inc({ kind: "claim" });
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
    // Where the partition is another's now, its trouble is too.
    trouble.delete(place);
    return null;
  }

  async function claim(topic: string, partition: number): Promise<bigint> {
    const place = `${topic}/${partition}`;
    const readEnds = () => reader.ends(topic, partition);
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
    return claimed.next_offset;
  }

  /**
   * The position, and whether a batch that was fetched from an offset goes on from there. It may
   * start past the position, where kafkajs has stepped over a batch without records.
   */
  async function startOf(
    topic: string,
    partition: number,
    fetched: bigint,
  ): Promise<{ from: bigint; goes_on: boolean }> {
    const known = positions.get(`${topic}/${partition}`);
    if (known === fetched) return { from: known, goes_on: true };
    const from = await claim(topic, partition);
    notePosition(topic, partition, from);
    // Whoever had the partition before may have stored it without a word to Kafka.
    await told.note(topic, partition, from);
    const goes_on = from === fetched ||
      from < fetched && await isEmptyBetween(reader, topic, partition, from, fetched);
    return { from, goes_on };
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
    fetch: FetchTime | null,
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
    tellPoll(contexts, fetch, place);
    return openKafkaSpan(contexts, { operation: "process", ...place });
  }

  async function store(
    batch: Batch,
    taken_at: number,
    signal: AbortSignal,
  ): Promise<bigint | null> {
    const { topic, partition, messages } = batch;
    const place = `${topic}/${partition}`;
    // The next fetch may come while this batch is being stored.
    const fetch = options.lastFetch();
    const fetched = BigInt((batch as unknown as { fetchedOffset: string }).fetchedOffset);
    const start = await untilAnswered(place, () => startOf(topic, partition, fetched), signal);
    if (start === null) return fetched;
    let { from } = start;
    if (!start.goes_on) return from;
    let traced: Span | null = null;
    const end = BigInt(batch.lastOffset()) + 1n;
    for (let first = 0; first < messages.length; first += options.batch_rows) {
      if (signal.aborted) return from;
      const next = messages[first + options.batch_rows];
      const to = next === undefined ? end : BigInt(next.offset);
      const taken = messages.slice(first, first + options.batch_rows);
      const span = openSliceSpan(topic, partition, taken, fetch);
      traced = span ?? traced;
      const slice = sliceOf(taken, { topic, partition, from, to });
      const received = slice.rows.records.length + slice.refused.length + slice.replaced;
      const outcome = await within(span, () => writeSlice({ ...writer, span }, slice, signal));
      if (outcome !== "stored") {
        // The next batch reads the position anew.
        positions.delete(place);
        return from;
      }
      metrics.received.inc({ from: slice.table }, received);
      notePosition(topic, partition, to);
      from = to;
    }
    metrics.duration.observe({
      value: (performance.now() - taken_at) / 1000,
      ...exemplarOf(traced),
    });
    if (isOurs(topic, partition)) {
      const lag = Math.max(0, Number(BigInt(batch.highWatermark) - end));
      metrics.lag.set({ topic, partition: String(partition) }, lag);
    }
    await told.note(topic, partition, end);
    return null;
  }

  async function moveOverEmpty(
    topic: string,
    partition: number,
    to: bigint,
    signal: AbortSignal,
  ): Promise<void> {
    const place = `${topic}/${partition}`;
    const known = positions.get(place);
    const { earliest } = await reader.ends(topic, partition);
    // What retention has deleted is no empty run of offsets: claiming the position counts it.
    const from = known !== undefined && known >= earliest
      ? known
      : await untilAnswered(place, () => claim(topic, partition), signal);
    if (from === null) return;
    if (from >= to) return await told.note(topic, partition, from);
    if (!await isEmptyBetween(reader, topic, partition, from, to)) return;
    const slice = sliceOf([], { topic, partition, from, to });
    if (await writeSlice({ ...writer, span: null }, slice, signal) !== "stored") {
      positions.delete(place);
      return;
    }
    notePosition(topic, partition, to);
    await told.note(topic, partition, to);
  }

  return { store, moveOverEmpty, forgetPositions: () => positions.clear() };
}
