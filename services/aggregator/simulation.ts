/**
 * A model of Kafka around the real window and recovery code, for tests: an input log, an output log,
 * a committed offset; flushes and crashes at chosen steps. Deterministic: no clock, no I/O.
 */
import { strictEqual } from "node:assert/strict";
import type { KafkaRecord, RefusedRecord } from "../../runtime/kafka_record.ts";
import type { CandleRecord } from "../../contract/candle.ts";
import { candleKey } from "../../contract/candle.ts";
import { type LedgerRecord, RECORD_KIND_HEADER, type StateRecord } from "../../contract/records.ts";
import type { Tick } from "../../contract/tick.ts";
import {
  noteFlushed,
  openPartition,
  type PartitionState,
  takeFlush,
  takeRecord,
} from "./partition_state.ts";
import type { WindowRules } from "./series.ts";

/** Rules that tests use. */
export const RULES: WindowRules = {
  intervals: ["1m", "5m"],
  allowed_lateness_ms: 5_000,
  sliding_average_seconds: 60,
  series_max: 1_000,
};
/** The start of an hour, in milliseconds since 1970. */
export const START = 1_700_000_000_000 - (1_700_000_000_000 % 3_600_000);

/** A tick with what matters to a test, the rest made up. */
export function tick(fields: Partial<Tick>): Tick {
  return { source: "s", symbol: "A", price: 10, volume: 1, timestamp: START, ...fields };
}

/** A partition in the model. */
export interface SimulatedPartition {
  input: KafkaRecord[];
  output: ({ candle: CandleRecord } | { state: StateRecord } | { ledger: LedgerRecord })[];
  dead_letters: RefusedRecord[];
  committed: { next_offset: bigint; restore_from: bigint } | null;
  state: PartitionState;
  rules: WindowRules;
}

/** An empty partition, the only one of its topic. */
export function simulatePartition(rules: WindowRules): SimulatedPartition {
  const restored = { next_offset: 0n, restore_from: 0n, state: null, candles: [] };
  return {
    input: [],
    output: [],
    dead_letters: [],
    committed: null,
    state: openPartition(0, 1, rules, restored),
    rules,
  };
}

/** Appends a tick to the input. Its record's timestamp is its event time, or `ingest_ms`. */
export function appendTick(log: SimulatedPartition, tick: Tick, ingest_ms = tick.timestamp): void {
  log.input.push({
    offset: String(log.input.length),
    timestamp: String(ingest_ms),
    key: new TextEncoder().encode(tick.symbol),
    value: new TextEncoder().encode(JSON.stringify(tick)),
  });
}

/** Appends a marker to the input. */
export function appendMarker(
  log: SimulatedPartition,
  source: string,
  event_time: number,
  ended: boolean,
): void {
  log.input.push({
    offset: String(log.input.length),
    timestamp: String(event_time),
    key: null,
    value: new TextEncoder().encode(JSON.stringify({ source, event_time, ended, confirmed: [] })),
    headers: { [RECORD_KIND_HEADER]: "marker" },
  });
}

/** Takes up to `count` records of the input. */
export function takeInput(log: SimulatedPartition, count: number): void {
  for (let taken = 0; taken < count; taken++) {
    const record = log.input[Number(log.state.next_offset)];
    if (record === undefined) return;
    takeRecord(log.state, record, "aggregator");
    log.state.next_offset++;
  }
}

/** Commits a flush: output, dead letters, state and offset, all at once. */
export function commitFlush(log: SimulatedPartition, since_last_ms: number): void {
  const changed = [...log.state.book.sources.values()]
    .flatMap(({ series }) => [...series.values()])
    .flatMap(({ windows }) => windows.filter((window) => window.changed));
  // By it a flush is due early: here, where all tests pass, it is held against the windows themselves.
  strictEqual(log.state.book.windows_changed, changed.length);
  const flush = takeFlush(log.state, since_last_ms);
  const first_offset = BigInt(log.output.length);
  for (const candle of flush.candles) log.output.push({ candle: structuredClone(candle) });
  for (const ledger of flush.ledger) log.output.push({ ledger });
  log.output.push({ state: flush.state });
  log.dead_letters.push(...flush.refused);
  log.committed = {
    next_offset: flush.next_offset,
    restore_from: BigInt(flush.state.restore_from),
  };
  noteFlushed(log.state, log.state.flush, first_offset);
}

/** Loses all that is in memory and restores it from the output, as a takeover does. */
export function crash(log: SimulatedPartition): void {
  const { committed } = log;
  const candles = new Map<string, CandleRecord>();
  let state: StateRecord | null = null;
  for (const record of committed ? log.output.slice(Number(committed.restore_from)) : []) {
    if ("state" in record) state = record.state;
    else if ("candle" in record) candles.set(keyOf(record.candle), structuredClone(record.candle));
  }
  log.state = openPartition(0, 1, log.rules, {
    next_offset: committed?.next_offset ?? 0n,
    restore_from: committed?.restore_from ?? 0n,
    state,
    candles: candles.values(),
  });
}

/** The newest record of each candle, as a reader of the compacted topic has it. */
export function candlesOf(log: SimulatedPartition): Map<string, CandleRecord> {
  const candles = new Map<string, CandleRecord>();
  for (const record of log.output) {
    if ("candle" in record) candles.set(keyOf(record.candle), record.candle);
  }
  return candles;
}

function keyOf(candle: CandleRecord): string {
  return candleKey(candle.source, candle.symbol, candle.interval, candle.window_start);
}
