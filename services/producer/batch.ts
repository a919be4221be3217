/**
 * Batches: what of the queue goes to Kafka in one send. A marker always begins a batch: everything
 * before it is then confirmed, so that the receipts it carries are complete.
 */
import { addChecksum, tickHash } from "../../contract/ledger.ts";
import { partitionOf } from "../../contract/partition.ts";
import {
  REPLAY_LINE_HEADER,
  REPLAY_RUN_HEADER,
  TRACEPARENT_HEADER,
} from "../../contract/records.ts";
import { type BatchContexts, noContexts, noteContext } from "../../runtime/kafka_spans.ts";
import { traceparentOf } from "../../runtime/spans.ts";
import type { OutgoingRecord } from "../../runtime/kafka_sender.ts";
import type { MarkerLoad, TickLoad } from "./load.ts";
import type { LoadQueue } from "./load_queue.ts";
import type { PartitionCount } from "./receipts.ts";
import type { RefusedInput } from "./refused_input.ts";

/** How large a batch may be. */
export interface BatchLimits {
  ticks: number;
  bytes: number;
}

/** Where a batch goes. */
export interface BatchTarget {
  topic: string;
  partitions: number;
}

/** What goes to Kafka in one send (refused inputs in sends before it). */
export interface Batch {
  /** Time of ingest of all its ticks, ms. */
  timestamp_ms: number;
  markers: MarkerLoad[];
  refused: RefusedInput[];
  /** One record a tick. */
  ticks: OutgoingRecord[];
  /** By partition: how many ticks it holds, and their checksum. */
  counts: PartitionCount[];
  /** The sampled traces that its ticks belong to. */
  contexts: BatchContexts;
  /** To be called when Kafka has acknowledged the batch. */
  confirmations: (() => void)[];
}

/** Bytes of a record beside its key and value, at most: lengths, deltas, headers of a replay. */
const RECORD_OVERHEAD_BYTES = 128;

/** Bytes of a header with a trace's context. */
const TRACE_BYTES = 72;

/** Bytes of a marker beside its source: its other fields, its headers, some minutes of receipts. */
const MARKER_OVERHEAD_BYTES = 512;

/** Refused inputs are taken up to this many bytes, or one load; the dispatcher cuts the sends. */
const REFUSED_BYTES_MAX = 900_000;

/** Partitions of symbols: a hash a tick would cost more than the look-up. */
const KNOWN_PARTITIONS_MAX = 200_000;

/**
 * Makes the function that takes batches from a queue.
 *
 * @param queue The queue.
 * @param target Topic and number of partitions.
 * @param limits How large a batch may be; the bytes are passed by one record at most.
 * @returns Takes the next batch at a time of ingest; empty arrays where nothing waits.
 */
export function createBatcher(
  queue: LoadQueue,
  target: BatchTarget,
  limits: BatchLimits,
): (timestamp_ms: number) => Batch {
  const known = new Map<string, number>();

  function partitionFor(symbol: string): number {
    let partition = known.get(symbol);
    if (partition === undefined) {
      if (known.size >= KNOWN_PARTITIONS_MAX) known.clear();
      known.set(symbol, partition = partitionOf(symbol, target.partitions));
    }
    return partition;
  }

  /** Takes ticks of the oldest load until it or the batch is at its end; returns bytes used. */
  function takeTicks(batch: Batch, load: TickLoad, from: number, bytes_left: number): number {
    const last_of_partition: (OutgoingRecord | undefined)[] = [];
    const last_line: number[] = [];
    const headers = load.trace && { [TRACEPARENT_HEADER]: traceparentOf(load.trace) };
    if (load.trace) noteContext(batch.contexts, load.trace);
    const overhead = RECORD_OVERHEAD_BYTES + (headers ? TRACE_BYTES : 0);
    let bytes = 0;
    let at = from;
    for (
      ;
      at < load.ticks.length && batch.ticks.length < limits.ticks && bytes < bytes_left;
      at++
    ) {
      const tick = load.ticks[at]!;
      const value = JSON.stringify(tick);
      const partition = partitionFor(tick.symbol);
      const record: OutgoingRecord = {
        topic: target.topic,
        partition,
        key: tick.symbol,
        value,
        timestamp_ms: batch.timestamp_ms,
      };
      if (headers) record.headers = headers;
      batch.ticks.push(record);
      const count = batch.counts[partition]!;
      count.ticks++;
      count.checksum = addChecksum(count.checksum, tickHash(tick));
      bytes += utf8Bytes(value) + utf8Bytes(tick.symbol) + overhead;
      if (load.replay) {
        last_of_partition[partition] = record;
        last_line[partition] = load.replay.lines[at]!;
      }
    }
    // Only the last record of a partition says where the replay is: per record it would cost.
    last_of_partition.forEach((record, partition) => {
      if (record === undefined || load.replay === undefined) return;
      record.headers = {
        ...headers,
        [REPLAY_RUN_HEADER]: load.replay.run,
        [REPLAY_LINE_HEADER]: String(last_line[partition]),
      };
    });
    queue.takeTicks(at - from);
    return bytes;
  }

  return (timestamp_ms) => {
    const batch: Batch = {
      timestamp_ms,
      markers: [],
      refused: [],
      ticks: [],
      counts: Array.from({ length: target.partitions }, () => ({ ticks: 0, checksum: 0 })),
      contexts: noContexts(),
      confirmations: [],
    };
    let bytes = 0;
    let refused_bytes = 0;
    for (let head = queue.peek(); head !== undefined; head = queue.peek()) {
      const { load } = head;
      if (load.kind === "ticks") {
        if (batch.ticks.length >= limits.ticks || bytes >= limits.bytes) break;
        bytes += takeTicks(batch, load, head.taken, limits.bytes - bytes);
        if (head.taken < load.ticks.length) break;
      } else if (load.kind === "marker") {
        // While Kafka is away markers pile up: a send of all of them would be refused for good.
        if (batch.ticks.length > 0 || bytes >= limits.bytes) break;
        batch.markers.push(load);
        // The source is the record's key too.
        bytes += 2 * utf8Bytes(load.source) + MARKER_OVERHEAD_BYTES;
      } else {
        // They must be in Kafka before any later line of their file is, and are sent before ticks.
        const size = load.inputs.reduce((sum, input) => sum + input.bytes.length, 0);
        if (refused_bytes > 0 && refused_bytes + size > REFUSED_BYTES_MAX) break;
        refused_bytes += size;
        batch.refused.push(...load.inputs);
      }
      if (load.kind !== "refused" && load.confirmed) batch.confirmations.push(load.confirmed);
      queue.remove();
    }
    return batch;
  };
}

/** Upper bound of a text's length in UTF-8, exact for ASCII of the usual fields. */
function utf8Bytes(text: string): number {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 127) return text.length * 3;
  }
  return text.length;
}
