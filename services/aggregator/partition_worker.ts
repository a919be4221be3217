/** Works on one owned partition: takes batches, writes a flush every so often. */
import { TRANSACTION_TIMEOUT_MS } from "../../runtime/kafka_fence.ts";
import type { KafkaRecord } from "../../runtime/kafka_record.ts";
import {
  type BatchContexts,
  contextsOf,
  type FetchTime,
  noContexts,
  noteRecord,
  openKafkaSpan,
  tellPoll,
} from "../../runtime/kafka_spans.ts";
import { type Span, within } from "../../runtime/spans.ts";
import type { Compression } from "../../runtime/kafka.ts";
import { sleep, withDeadline } from "../../runtime/backoff.ts";
import { type Flushed, writeFlush } from "./flush.ts";
import { flushInterval, type FlushIntervals, isFull } from "./flush_due.ts";
import type { OutputNames } from "./output.ts";
import { noteFlushed, takeFlush, takeRecord } from "./partition_state.ts";
import { newestWatermark } from "./series.ts";
import type { OwnedPartition } from "./takeover.ts";

/** What a worker is told once. */
export interface WorkerOptions extends FlushIntervals {
  group: string;
  names: OutputNames;
  compression: Compression;
  /** The fetch that brought the records which are taken now. */
  lastFetch(): FetchTime | null;
  /** Called with the ages of some of the records that the windows hold now, seconds. */
  onTaken(ages_seconds: readonly number[]): void;
  /** Called after each committed flush. */
  onFlushed(told: FlushTold): void;
  /** Called once when a flush is not known to be committed: the partition must be taken anew. */
  onBroken(error: unknown): void;
}

/** What is told of a committed flush. */
export interface FlushTold extends Flushed {
  discarded: ReadonlyMap<string, number>;
  /** From the first of its records being taken to the commit. */
  batch_duration_seconds: number;
  transaction_duration_seconds: number;
  /** How old some of its records were when it was committed. */
  ages_seconds: readonly number[];
  span: Span | null;
}

/** What has been taken since the last flush. */
interface Taken {
  records: number;
  first_offset: string | undefined;
  /** When the first record was taken, ms since the epoch; null for none. */
  at_ms: number | null;
  /** Times of ingest of some of them. */
  ingest_times_ms: number[];
  contexts: BatchContexts;
}

function nothingTaken(): Taken {
  return {
    records: 0,
    first_offset: undefined,
    at_ms: null,
    ingest_times_ms: [],
    contexts: noContexts(),
  };
}

/** Each so many records one's age is observed. */
const AGE_EVERY = 8;

function agesOf(ingest_times_ms: readonly number[], now_ms: number): number[] {
  return ingest_times_ms.map((time_ms) => Math.max(0, now_ms - time_ms) / 1_000);
}

/** Records that a fetch has brought. */
export interface TakenBatch {
  records: readonly KafkaRecord[];
  /** The offset after them. */
  next_offset: bigint;
  /** Nothing waits behind them. */
  is_newest: boolean;
}

/** A partition at work. */
export interface PartitionWorker {
  nextOffset(): bigint;
  committedOffset(): bigint;
  seriesCount(): number;
  /** How often event time has gone on since it was asked last. */
  takeAdvances(): number;
  /** Newest event time less the allowed lateness, ms; null before the first tick. */
  watermark(): number | null;
  /** Moves on over offsets that hold no record for anybody (transaction markers). */
  skipTo(offset: bigint): void;
  /**
   * Takes a batch; flushes when it is time. Waits only while an earlier flush takes too long.
   *
   * @param keepAlive A heartbeat, which throws when the assignment is lost.
   * @returns How many of its records were taken: not all of them where the worker has ended.
   */
  take(batch: TakenBatch, keepAlive: () => Promise<void>): Promise<number>;
  /** Writes what is left, and gives the producer back. */
  close(): Promise<void>;
  /** Gives the producer back without writing. */
  drop(): Promise<void>;
}

/** So many records are taken before it is looked whether a flush is due: each changes a few windows. */
const PIECE_RECORDS = 1_000;
/** How often a heartbeat is sent while a flush is waited for. */
const KEEP_ALIVE_MS = 500;

/** Starts work on a partition that was taken over. */
export function startWorker(owned: OwnedPartition, options: WorkerOptions): PartitionWorker {
  const { state, producer } = owned;
  let committed_offset = state.next_offset;
  let last_flush_at_ms = Date.now();
  /** How old the newest record was when it was taken; 0 where nothing waits behind it. */
  let behind_ms = 0;
  let taken = nothingTaken();
  let flushing: Promise<void> | null = null;
  let timer: { id: ReturnType<typeof setTimeout>; at_ms: number } | null = null;
  let broken = false;

  function startFlush(): void {
    clearTimer();
    if (flushing !== null || broken || !state.changed) return;
    const started_at_ms = Date.now();
    const flush = takeFlush(state, started_at_ms - last_flush_at_ms);
    const flush_number = state.flush;
    last_flush_at_ms = started_at_ms;
    const batch = taken;
    taken = nothingTaken();
    const batch_at_ms = batch.at_ms ?? started_at_ms;
    const span = openKafkaSpan(batch.contexts, {
      operation: "process",
      ...spanPlace(batch),
      started_at_ms: batch_at_ms,
    });
    flushing = (async () => {
      try {
        const flushed = await within(span, () => {
          const sending = openKafkaSpan(contextsOf(span), {
            operation: "send",
            creates: true,
            topic: options.names.candle_topic,
            partition: state.partition,
            message_count: flush.candles.length,
          });
          const write = (): Promise<Flushed> =>
            writeFlush(
              producer,
              options.group,
              options.names,
              state.partition,
              flush,
              options.compression,
              sending?.spanContext() ?? null,
            );
          // Past it the broker is about to abort it, and the takeover that follows fences it.
          return within(
            sending,
            () => withDeadline(write(), TRANSACTION_TIMEOUT_MS, "A transaction"),
          );
        });
        noteFlushed(state, flush_number, flushed.first_offset);
        committed_offset = flush.next_offset;
        const discarded = new Map<string, number>();
        for (const { fault } of flush.refused) {
          discarded.set(fault.reason, (discarded.get(fault.reason) ?? 0) + 1);
        }
        options.onFlushed({
          ...flushed,
          discarded,
          batch_duration_seconds: (Date.now() - batch_at_ms) / 1000,
          transaction_duration_seconds: (Date.now() - started_at_ms) / 1000,
          ages_seconds: agesOf(batch.ingest_times_ms, Date.now()),
          span,
        });
      } catch (error) {
        broken = true;
        options.onBroken(error);
      } finally {
        flushing = null;
      }
      if (state.changed && !broken) planFlush();
    })();
  }

  function spanPlace({ records, first_offset }: Taken) {
    return {
      topic: options.names.tick_topic,
      partition: state.partition,
      group: options.group,
      message_count: records,
      ...(first_offset === undefined ? {} : { offset: first_offset }),
    };
  }

  /** Takes note of what is to be told of some records: their ages, their traces. */
  function noteTaken(records: readonly KafkaRecord[], at_ms: number): void {
    taken.at_ms ??= at_ms;
    taken.first_offset ??= records[0]?.offset;
    const traces_before = taken.contexts.list.length;
    const ingest_times_ms: number[] = [];
    for (let at = 0; at < records.length; at++) {
      const { headers, timestamp } = records[at]!;
      if ((taken.records + at) % AGE_EVERY === 0) ingest_times_ms.push(Number(timestamp));
      if (headers !== undefined) noteRecord(taken.contexts, headers);
    }
    taken.records += records.length;
    if (taken.contexts.list.length > traces_before) {
      tellPoll(taken.contexts, options.lastFetch(), spanPlace(taken));
    }
    taken.ingest_times_ms.push(...ingest_times_ms);
    options.onTaken(agesOf(ingest_times_ms, Date.now()));
  }

  function flushAt(): number {
    return last_flush_at_ms + flushInterval(options, behind_ms);
  }

  /** A flush that is planned too late (the partition has caught up meanwhile) is planned anew. */
  function planFlush(): void {
    if (flushing !== null) return;
    const at_ms = flushAt();
    if (timer !== null && timer.at_ms <= at_ms) return;
    clearTimer();
    timer = { id: setTimeout(startFlush, Math.max(0, at_ms - Date.now())), at_ms };
  }

  function clearTimer(): void {
    if (timer !== null) clearTimeout(timer.id);
    timer = null;
  }

  async function drop(): Promise<void> {
    broken = true;
    clearTimer();
    await flushing;
    await producer.disconnect();
  }

  return {
    nextOffset: () => state.next_offset,
    committedOffset: () => committed_offset,
    seriesCount: () => state.book.series_count,
    takeAdvances() {
      const { advances } = state.book;
      state.book.advances = 0;
      return advances;
    },
    watermark: () => newestWatermark(state.book),
    skipTo(offset) {
      state.next_offset = offset;
      state.changed = true;
      planFlush();
    },
    async take({ records, next_offset, is_newest }, keepAlive) {
      for (let from = 0; from < records.length; from += PIECE_RECORDS) {
        if (broken) return from;
        const at_ms = Date.now();
        const piece = records.slice(from, from + PIECE_RECORDS);
        for (const record of piece) takeRecord(state, record, options.names.stage);
        noteTaken(piece, at_ms);
        const next = records[from + PIECE_RECORDS];
        state.next_offset = next === undefined ? next_offset : BigInt(next.offset);
        const is_last = is_newest && next === undefined;
        behind_ms = is_last ? 0 : at_ms - Number(piece.at(-1)!.timestamp);
        if (isFull(state) || Date.now() >= flushAt()) {
          await waitAlive(() => flushing, keepAlive);
          startFlush();
        } else planFlush();
      }
      return records.length;
    },
    async close() {
      await flushing;
      startFlush();
      await flushing;
      await drop();
    },
    drop,
  };
}

/** Waits for a promise that may change, with heartbeats meanwhile. */
async function waitAlive(
  current: () => Promise<void> | null,
  keepAlive: () => Promise<void>,
): Promise<void> {
  for (let waited = current(); waited !== null; waited = current()) {
    const ended = new AbortController();
    await Promise.race([waited.finally(() => ended.abort()), sleep(KEEP_ALIVE_MS, ended.signal)]);
    await keepAlive();
  }
}
