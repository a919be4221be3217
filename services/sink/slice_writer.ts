/**
 * Brings a slice into the database whatever comes: waits while the database is away, stores less at
 * once while it is slow, finds a row that is refused, writes dead letters before the position moves
 * past their records.
 */
import { backoffDelay, finishedBefore, sleep } from "../../runtime/backoff.ts";
import { answeredWithin, type Database } from "../../runtime/database.ts";
import { deadLetter } from "../../runtime/dead_letter_record.ts";
import type { RefusedRecord } from "../../runtime/kafka_record.ts";
import type { OutgoingRecord, Sender } from "../../runtime/kafka_sender.ts";
import { errorFields, type Logger } from "../../runtime/log.ts";
import type { Metrics } from "../../runtime/metrics.ts";
import { exemplarOf, observeAll, type Span } from "../../runtime/spans.ts";
import { cutSends } from "../../runtime/send_sizes.ts";
import { type EncodedRows, NO_ROWS, splitRows } from "./copy_rows.ts";
import type { METRICS } from "./metrics.ts";
import type { PositionOwner } from "./position.ts";
import { type Slice, STAGE } from "./slice.ts";
import { storeFault, storeSlice } from "./store.ts";
import type { TickPartitions } from "./tick_partitions.ts";

/** What writing needs. */
export interface WriterOptions {
  database: Database;
  owner: PositionOwner;
  /** Null with TimescaleDB, which makes its chunks itself. */
  tick_partitions: TickPartitions | null;
  sender: Sender;
  dead_letter_topic: string;
  /** A transaction that takes longer hangs. */
  store_deadline_ms: number;
  metrics: Metrics<typeof METRICS>;
  log: Logger;
  /** What keeps partitions from going on, by `topic/partition`: for /ready. */
  trouble: Map<string, string>;
  /** The slice's span, for exemplars; null where nothing in it is sampled. */
  span: Span | null;
}

/**
 * What came of a slice: it is stored; or the position had moved, so another instance has it or a
 * COMMIT whose answer was lost; or the signal was aborted first.
 */
export type WriteOutcome = "stored" | "moved" | "aborted";

/** Waits between attempts at a database that is away. */
const BACKOFF = { initial_ms: 50, max_ms: 5_000 };
/** Each so many offsets one tick's age is observed. */
const AGE_EVERY = 8;
/** What the objective calls fresh. */
const FRESH_MS = 1_000;

/**
 * Writes a slice.
 *
 * @param slice The rows, the refused records, the positions around them.
 * @param signal Ends waiting: the service stops, or the partition is another's.
 */
export async function writeSlice(
  options: WriterOptions,
  slice: Slice,
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const outcome = await writeLetters(options, slice, slice.refused, signal)
    ? await writeRows(options, slice, signal)
    : "aborted";
  // Where the partition is another's now, its trouble is too.
  if (outcome !== "stored") options.trouble.delete(`${slice.topic}/${slice.partition}`);
  return outcome;
}

async function writeRows(
  options: WriterOptions,
  slice: Slice,
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const { metrics, trouble } = options;
  const place = `${slice.topic}/${slice.partition}`;
  for (let attempt = 0; !signal.aborted; attempt++) {
    let started_at = performance.now();
    try {
      await ensurePartitions(options, slice);
      started_at = performance.now();
      await storeSlice(options.database, options.owner, slice, options.store_deadline_ms);
      trouble.delete(place);
      countStored(options, slice, performance.now() - started_at);
      return "stored";
    } catch (error) {
      const fault = storeFault(error);
      metrics.errors.inc({ kind: fault });
      if (fault === "position_moved") {
        options.log.warn(
          "a batch was already stored by another instance, or by a COMMIT whose answer was lost",
          errorFields(error),
        );
        return "moved";
      }
      if (fault === "row_refused" && slice.rows.records.length > 0) {
        return await splitSlice(options, slice, signal, (error as Error).message);
      }
      if (fault === "partition_missing") options.tick_partitions?.forget();
      const { message } = error as Error;
      if (trouble.get(place) !== message) {
        options.log.warn("a batch could not be stored; trying again", {
          event: "store_failed",
          place,
          ...errorFields(error),
        });
      }
      trouble.set(place, message);
      // A slow database would be too slow for all of it again. What another partition's deadline has
      // cut off says only by its time that it was slow.
      const is_slow = fault === "too_slow" ||
        performance.now() - started_at > options.store_deadline_ms / 2;
      if (is_slow && slice.rows.records.length > 1) {
        return await storeHalves(options, slice, signal);
      }
      await sleep(backoffDelay(BACKOFF, attempt), signal);
    }
  }
  return "aborted";
}

async function ensurePartitions(options: WriterOptions, { ingest_days }: Slice): Promise<void> {
  if (options.tick_partitions === null) return;
  const work = options.tick_partitions.ensure(ingest_days);
  const doing = "Making the partitions of ticks";
  await answeredWithin(options.database, work, options.store_deadline_ms, doing);
}

/** Finds the refused row by halving. */
async function splitSlice(
  options: WriterOptions,
  slice: Slice,
  signal: AbortSignal,
  message: string,
): Promise<WriteOutcome> {
  const { records } = slice.rows;
  if (records.length === 1) {
    const fault = { reason: "row_refused", message } as const;
    const refused = [{ record: records[0]!, fault }];
    if (!await writeLetters(options, slice, refused, signal)) return "aborted";
    return await writeRows(options, { ...slice, rows: NO_ROWS }, signal);
  }
  return await storeHalves(options, slice, signal);
}

/**
 * Stores each half with a position of its own, so that nothing has to be remembered if this ends in
 * the middle.
 */
async function storeHalves(
  options: WriterOptions,
  slice: Slice,
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const { records } = slice.rows;
  const middle = records.length >> 1;
  const border = BigInt(records[middle]!.offset);
  const [first, second] = splitRows(slice.rows, middle) as [EncodedRows, EncodedRows];
  const before: Slice = { ...slice, to: border, rows: first, replaced: 0 };
  const outcome = await writeRows(options, before, signal);
  if (outcome !== "stored") return outcome;
  return await writeRows(options, { ...slice, from: border, rows: second }, signal);
}

/**
 * Writes letters; waits and tries again while Kafka refuses them.
 *
 * @returns False where the signal was aborted before Kafka had the letters.
 * @throws Error where the sender can't go on: a new one must be made.
 */
async function writeLetters(
  options: WriterOptions,
  { topic, partition }: Slice,
  refused: readonly RefusedRecord[],
  signal: AbortSignal,
): Promise<boolean> {
  if (refused.length === 0) return true;
  const { dead_letter_topic, metrics } = options;
  const place = { stage: STAGE, dead_letter_topic, topic, partition };
  for (const letters of cutSends(refused.map((record) => deadLetter(place, record)))) {
    if (!await sendLetters(options, `${topic}/${partition}`, letters, signal)) return false;
  }
  for (const { fault } of refused) metrics.discarded.inc({ reason: fault.reason });
  return true;
}

/** The broker's answers after which an idempotent producer can send no more. */
const SENDER_OVER = [
  "OUT_OF_ORDER_SEQUENCE_NUMBER",
  "INVALID_PRODUCER_EPOCH",
  "INVALID_PRODUCER_ID_MAPPING",
  "UNKNOWN_PRODUCER_ID",
];

async function sendLetters(
  { dead_letter_topic, sender, metrics, log, trouble }: WriterOptions,
  place: string,
  letters: readonly OutgoingRecord[],
  signal: AbortSignal,
): Promise<boolean> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      const sent = await finishedBefore(signal, sender.send(letters));
      if (sent && attempt > 0) trouble.delete(place);
      return sent;
    } catch (error) {
      if (SENDER_OVER.includes((error as { type?: string }).type ?? "")) throw error;
      metrics.errors.inc({ kind: "dead_letters" });
      const message = `Cannot write to ${dead_letter_topic}: ${(error as Error).message}`;
      if (trouble.get(place) !== message) {
        log.warn("dead letters could not be written; trying again", {
          event: "dead_letters_failed",
          place,
          ...errorFields(error),
        });
      }
      trouble.set(place, message);
      await sleep(backoffDelay(BACKOFF, attempt), signal);
    }
  }
  return false;
}

/** How many records are no older than a second. */
export function countFresh(records: EncodedRows["records"], now_ms: number): number {
  const isFresh = ({ timestamp }: EncodedRows["records"][number]): boolean =>
    now_ms - Number(timestamp) <= FRESH_MS;
  // Timestamps rise with the offsets where the clocks are right, so that both ends tell of nearly
  // every slice; one at the border is counted row by row.
  const [first, last] = [records[0], records.at(-1)];
  if (first === undefined || last === undefined) return 0;
  if (isFresh(first) && isFresh(last)) return records.length;
  return records.reduce((count, record) => count + (isFresh(record) ? 1 : 0), 0);
}

function countStored(
  { metrics, span }: WriterOptions,
  { table, rows: { records }, replaced }: Slice,
  duration_ms: number,
): void {
  metrics.sent.inc({ to: table }, records.length + replaced);
  metrics.rows_stored.inc({ table }, records.length);
  metrics.batch_rows.observe({ table }, records.length);
  const value = duration_ms / 1_000;
  metrics.store_duration.observe({ labels: { table }, value, ...exemplarOf(span) });
  if (table !== "ticks") return;
  const now = Date.now();
  metrics.fresh_rows.inc(countFresh(records, now));
  const ages_seconds: number[] = [];
  for (const { offset, timestamp } of records) {
    if (Number(offset) % AGE_EVERY !== 0) continue;
    ages_seconds.push(Math.max(0, now - Number(timestamp)) / 1_000);
  }
  observeAll(metrics.tick_age, ages_seconds, span);
}
