/**
 * The one way from the queue to Kafka: takes a batch, sends it, and goes on when Kafka has
 * acknowledged it. Receipts of what was confirmed travel at the head of later batches.
 */
import { sleep } from "../../runtime/backoff.ts";
import type { Sender } from "../../runtime/kafka_sender.ts";
import { openKafkaSpan } from "../../runtime/kafka_spans.ts";
import { type Span, within } from "../../runtime/spans.ts";
import { cutSends } from "../../runtime/send_sizes.ts";
import type { Batch } from "./batch.ts";
import type { LoadQueue } from "./load_queue.ts";
import { type MarkerContext, receiptMarkers, sourceMarkers } from "./marker_records.ts";
import { refusedRecord } from "./refused_input.ts";

/** Receipts go along with ticks at most this often. */
const RECEIPT_INTERVAL_MS = 100;
/** Where no ticks come, receipts go by themselves after this long. */
const RECEIPT_QUIET_MS = 500;

/** What the dispatcher works with. */
export interface DispatcherParts {
  queue: LoadQueue;
  takeBatch: (timestamp_ms: number) => Batch;
  sender: Sender;
  markers: MarkerContext;
  tick_topic: string;
  dead_letter_topic: string;
  batch_ticks: number;
  batch_interval_ms: number;
  /** Told of each confirmed batch: counters move here, by batch. */
  onConfirmed(batch: Batch, duration_ms: number, span: Span | null): void;
}

/** Work from queue to Kafka. */
export interface Dispatcher {
  /**
   * Runs until the queue is empty after `drain`; the last receipts are then confirmed too.
   *
   * @throws Error where Kafka refuses a batch for good: what it held may or may not be there.
   */
  run(): Promise<void>;
  /** Nothing will come any more: ends `run` when all that waits is confirmed. */
  drain(): void;
  /** What waits or is on its way and is not confirmed yet, in ticks (`loadWeight`). */
  unconfirmed(): number;
}

/** Makes a dispatcher; nothing is sent before `run`. */
export function createDispatcher(parts: DispatcherParts): Dispatcher {
  const { queue, sender, markers } = parts;
  const { receipts } = markers;
  const draining = new AbortController();
  let receipts_sent_at_ms = -Infinity;
  let batch_sent_at_ms = -Infinity;
  let under_way = 0;

  /** Waits until a batch is due. False: only receipts are. */
  async function batchIsDue(): Promise<boolean> {
    for (;;) {
      // Not Date.now(): where that is set back, ticks would wait for as long.
      const now_ms = performance.now();
      const oldest = queue.peek();
      if (oldest !== undefined) {
        // The interval parts sends: where there was none for so long, waiting would gather nothing.
        const since_ms = Math.min(oldest.queued_at_ms, batch_sent_at_ms);
        const due_ms = since_ms + parts.batch_interval_ms - now_ms;
        if (due_ms <= 0 || queue.depth() >= parts.batch_ticks || draining.signal.aborted) {
          return true;
        }
        await waitForChange(due_ms);
        continue;
      }
      if (draining.signal.aborted) return false;
      if (receipts.unreported().length === 0) {
        await queue.changed();
        continue;
      }
      const quiet_left_ms = receipts_sent_at_ms + RECEIPT_QUIET_MS - now_ms;
      if (quiet_left_ms <= 0) return false;
      await waitForChange(quiet_left_ms);
    }
  }

  async function waitForChange(at_most_ms: number): Promise<void> {
    const changed = new AbortController();
    queue.changed().then(() => changed.abort());
    await sleep(at_most_ms, changed.signal);
  }

  async function sendReceipts(): Promise<void> {
    receipts_sent_at_ms = performance.now();
    await sender.send(receiptMarkers(markers, receipts.unreported(), Date.now()));
  }

  async function sendBatch(): Promise<void> {
    const started_at_ms = performance.now();
    batch_sent_at_ms = started_at_ms;
    const waiting = queue.depth();
    const batch = parts.takeBatch(Date.now());
    // Taking makes room, and whoever waits may come in meanwhile.
    under_way = Math.max(batch.ticks.length, waiting - queue.depth());
    const letters = batch.refused.map((input) =>
      refusedRecord(parts.dead_letter_topic, input, batch.timestamp_ms)
    );
    // A letter's headers are often larger than its input: many short ones pass the broker's limit.
    for (const send of cutSends(letters)) await sender.send(send);
    const head = batch.markers.flatMap((load) => sourceMarkers(markers, load, batch.timestamp_ms));
    if (started_at_ms - receipts_sent_at_ms >= RECEIPT_INTERVAL_MS) {
      // After a source's marker nothing is left to report: it took the receipts along.
      head.push(...receiptMarkers(markers, receipts.unreported(), batch.timestamp_ms));
    }
    if (head.length > 0) receipts_sent_at_ms = started_at_ms;
    const span = openKafkaSpan(batch.contexts, {
      operation: "send",
      topic: parts.tick_topic,
      message_count: batch.ticks.length,
    });
    await within(
      span,
      () => sender.send(head.length > 0 ? [...head, ...batch.ticks] : batch.ticks),
    );
    receipts.add(batch.timestamp_ms, batch.counts);
    under_way = 0;
    for (const confirmed of batch.confirmations) confirmed();
    parts.onConfirmed(batch, performance.now() - started_at_ms, span);
  }

  return {
    async run() {
      // The first record of a run in each partition makes its Kafka producer id known as ours.
      const every = Array.from({ length: markers.partitions }, (_, partition) => partition);
      await sender.send(receiptMarkers(markers, every, Date.now()));
      for (;;) {
        if (await batchIsDue()) await sendBatch();
        else if (receipts.unreported().length > 0) await sendReceipts();
        else if (draining.signal.aborted) return;
      }
    },
    drain() {
      draining.abort();
      queue.wake();
    },
    unconfirmed: () => queue.depth() + under_way,
  };
}
