/** All that the aggregator knows of one input partition, and how a record changes it. Pure. */
import type { CandleRecord } from "../../contract/candle.ts";
import { partitionOf } from "../../contract/partition.ts";
import {
  type LedgerRecord,
  type Marker,
  ONLY_STAGE_HEADER,
  RECORD_KIND_HEADER,
  type SourceReached,
  type StateRecord,
} from "../../contract/records.ts";
import {
  decodeJson,
  decodeTick,
  describe,
  farFutureFault,
  type Fault,
  sourceFault,
} from "../../contract/tick.ts";
import {
  bytesOf,
  headerText,
  type KafkaRecord,
  ownRecord,
  type RefusedRecord,
} from "../../runtime/kafka_record.ts";
import {
  countDiscarded,
  countProcessed,
  type LedgerCount,
  openLedgerCount,
  takeLedgerRecords,
} from "./ledger_count.ts";
import {
  forgetQuietSeries,
  openBook,
  restoreProgress,
  restoreSeries,
  type SeriesBook,
  SOURCES_MAX,
  takeChanged,
  takeMarker,
  takeTick,
  type WindowRules,
} from "./series.ts";
import { continueSweep, startSweep, type Sweep } from "./sweep.ts";

/** The state of one input partition. */
export interface PartitionState {
  partition: number;
  partitions: number;
  book: SeriesBook;
  ledger: LedgerCount;
  sweep: Sweep;
  /** Number of the last flush. */
  flush: number;
  /** Offset of the next input record. */
  next_offset: bigint;
  /** Output offset from where a restore must read. */
  restore_from: bigint;
  refused: RefusedRecord[];
  /** What they take in memory and as letters, bytes. */
  refused_bytes: number;
  /** Something has happened that a flush must write. */
  changed: boolean;
  /** Symbols seen to belong to this partition. */
  known_symbols: Set<string>;
}

/** What a flush writes. */
export interface FlushRecords {
  candles: CandleRecord[];
  ledger: LedgerRecord[];
  state: StateRecord;
  refused: RefusedRecord[];
  next_offset: bigint;
}

/** What a restore has found. */
export interface Restored {
  next_offset: bigint;
  restore_from: bigint;
  state: StateRecord | null;
  candles: Iterable<CandleRecord>;
}

/**
 * Makes the state of a partition.
 *
 * @param partition Its number.
 * @param partitions How many the tick topic has.
 * @param rules Windows and lateness.
 * @param restored What the output topic told, or where to start.
 */
export function openPartition(
  partition: number,
  partitions: number,
  rules: WindowRules,
  restored: Restored,
): PartitionState {
  const book = openBook(rules);
  if (restored.state) restoreProgress(book, restored.state.reached);
  restoreSeries(book, restored.candles);
  return {
    partition,
    partitions,
    book,
    ledger: openLedgerCount(),
    sweep: startSweep(book, 1),
    flush: 0,
    next_offset: restored.next_offset,
    restore_from: restored.restore_from,
    refused: [],
    refused_bytes: 0,
    changed: false,
    known_symbols: new Set(),
  };
}

const KNOWN_SYMBOLS_MAX = 200_000;

function belongsHere(state: PartitionState, symbol: string): boolean {
  if (state.known_symbols.has(symbol)) return true;
  if (partitionOf(symbol, state.partitions) !== state.partition) return false;
  if (state.known_symbols.size >= KNOWN_SYMBOLS_MAX) state.known_symbols.clear();
  state.known_symbols.add(symbol);
  return true;
}

/** What a record turned out to be. */
export type Intake = "tick" | "refused" | "marker" | "not_ours";

/**
 * Takes one record. Whatever it holds, the state goes on: what is refused is kept for the dead
 * letters.
 *
 * @param stage The name of this stage, for records meant for one stage only.
 */
export function takeRecord(state: PartitionState, record: KafkaRecord, stage: string): Intake {
  state.changed = true;
  if (record.headers !== undefined) {
    if (headerText(record.headers, RECORD_KIND_HEADER) !== null) {
      return takeMarkerRecord(state, record);
    }
    const only_stage = headerText(record.headers, ONLY_STAGE_HEADER);
    if (only_stage !== null && only_stage !== stage) return "not_ours";
  }
  const timestamp_ms = Number(record.timestamp);
  const decoded = decodeTick(record.value);
  if ("fault" in decoded) return refuseTick(state, record, timestamp_ms, decoded.fault);
  const { tick } = decoded;
  if (!belongsHere(state, tick.symbol)) {
    return refuseTick(state, record, timestamp_ms, {
      reason: "wrong_partition",
      message: `symbol ${describe(tick.symbol)} belongs to partition ${
        partitionOf(tick.symbol, state.partitions)
      } of ${state.partitions} by murmur2 of its bytes, and came in partition ${state.partition}`,
    });
  }
  const far_future = farFutureFault(tick.timestamp, timestamp_ms);
  if (far_future) return refuseTick(state, record, timestamp_ms, far_future);
  const refusal = takeTick(state.book, tick);
  if (refusal !== null) {
    const message = refusal === "late"
      ? `event time ${tick.timestamp} of ${tick.source} ${tick.symbol} is more than ` +
        `${state.book.rules.allowed_lateness_ms} ms behind what its series has reached`
      : `partition ${state.partition} holds ${state.book.series_count} series of ` +
        `${state.book.sources.size} sources, as many as it may; ${tick.source} ${tick.symbol} ` +
        "would be one more";
    return refuseTick(state, record, timestamp_ms, { reason: refusal, message });
  }
  countProcessed(state.ledger, timestamp_ms, record.offset, tick);
  return "tick";
}

function refuseTick(
  state: PartitionState,
  record: KafkaRecord,
  timestamp_ms: number,
  fault: Fault,
): Intake {
  keepRefused(state, record, fault);
  countDiscarded(state.ledger, timestamp_ms, record.offset, fault.reason);
  return "refused";
}

/** What a letter costs beside its record: its headers, which say why, and its objects. */
const LETTER_BYTES = 1_000;

function keepRefused(state: PartitionState, record: KafkaRecord, fault: Fault): void {
  const own = ownRecord(record);
  state.refused.push({ record: own, fault });
  state.refused_bytes += bytesOf(own) + LETTER_BYTES;
}

function takeMarkerRecord(state: PartitionState, record: KafkaRecord): Intake {
  // A refused marker is no tick, so no count of ticks: it is in the dead letters and the metric.
  const refuse = (fault: Fault): Intake => {
    keepRefused(state, record, fault);
    return "refused";
  };
  const marker = readMarker(record);
  if (typeof marker === "string") return refuse({ reason: "marker_malformed", message: marker });
  if (marker.event_time === undefined && !marker.ended) return "marker";
  if (
    takeMarker(state.book, marker.source, marker.event_time ?? null, marker.ended ?? false)
  ) return "marker";
  return refuse({
    reason: "series_limit",
    message: `partition ${state.partition} knows ${SOURCES_MAX} sources, the most it may; ` +
      `${describe(marker.source)} would be one more`,
  });
}

/** The marker of a record, or what is wrong with it. */
function readMarker(record: KafkaRecord): Marker | string {
  const kind = headerText(record.headers, RECORD_KIND_HEADER);
  if (kind !== "marker") return `a record of kind ${describe(kind)} has no place in the tick topic`;
  const decoded = decodeJson(record.value);
  if ("fault" in decoded) return `a marker must be JSON: ${decoded.fault.message}`;
  const marker = (decoded.value ?? {}) as Partial<Marker>;
  const source_fault = sourceFault(marker.source);
  if (source_fault) return `a marker must name its source: ${source_fault.message}`;
  const { event_time, ended } = marker;
  if (event_time !== undefined) {
    if (!Number.isSafeInteger(event_time)) {
      return `a marker's event_time must be whole milliseconds: it is ${describe(event_time)}`;
    }
    const far_future = farFutureFault(event_time, Number(record.timestamp));
    if (far_future) return far_future.message;
  }
  if (ended !== undefined && typeof ended !== "boolean") {
    return `a marker's ended must be true or false: it is ${describe(ended)}`;
  }
  return marker as Marker;
}

/** How long one pass over unchanged windows takes, ms. */
const SWEEP_PERIOD_MS = 10_000;
/** Most of a pass that one flush does, however long the pause before it. */
const SWEEP_SHARE_MAX = 0.5;
/** Most windows of a pass in one flush, which is one transaction: with more, a pass takes longer. */
const SWEEP_WINDOWS_MAX = 5_000;

/**
 * Takes what a flush must write; the state then counts it as written.
 *
 * @param since_last_ms Time since the last flush: decides how far the sweep goes on.
 */
export function takeFlush(state: PartitionState, since_last_ms: number): FlushRecords {
  const flush = ++state.flush;
  const candles = takeChanged(state.book, flush);
  const share = Math.min(SWEEP_SHARE_MAX, since_last_ms / SWEEP_PERIOD_MS);
  const visits = Math.ceil(state.book.series_count * share) + 1;
  const swept = continueSweep(state.sweep, flush, visits, SWEEP_WINDOWS_MAX);
  for (const candle of swept) candles.push(candle);
  const refused = state.refused;
  state.refused = [];
  state.refused_bytes = 0;
  state.changed = false;
  return {
    candles,
    ledger: takeLedgerRecords(state.ledger),
    state: {
      next_offset: state.next_offset.toString(),
      reached: reachedOf(state.book),
      restore_from: state.restore_from.toString(),
    },
    refused,
    next_offset: state.next_offset,
  };
}

function reachedOf(book: SeriesBook): SourceReached[] {
  return [...book.sources]
    .filter(([, { reached, ended }]) => reached !== -Infinity || ended)
    .map(([source, { reached, ended }]) => ({
      source,
      event_time: reached === -Infinity ? null : reached,
      ended,
    }));
}

/**
 * Tells the state that a flush is committed, and where its first record is.
 *
 * @param flush The number of the flush that was committed.
 * @param first_offset Output offset of its first record.
 */
export function noteFlushed(state: PartitionState, flush: number, first_offset: bigint): void {
  const { sweep } = state;
  if (sweep.first_flush === flush) sweep.first_offset = first_offset;
  if (!sweep.done || sweep.first_offset === null) return;
  state.restore_from = sweep.first_offset;
  forgetQuietSeries(state.book);
  // The next pass begins with the next flush: what this one wrote is below its first record.
  state.sweep = startSweep(state.book, state.flush + 1);
}
