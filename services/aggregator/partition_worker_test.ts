/** The worker of a partition on a model of Kafka: when it flushes, and how much. */
import { ok, strictEqual } from "node:assert/strict";
import { withDeadline } from "../../runtime/backoff.ts";
import type { KafkaRecord } from "../../runtime/kafka_record.ts";
import { openPartition } from "./partition_state.ts";
import { type FlushTold, type PartitionWorker, startWorker } from "./partition_worker.ts";
import { clientOf, simulateKafka, TOPICS } from "./simulated_kafka.ts";
import { appendTick, RULES, simulatePartition, tick } from "./simulation.ts";

const DEADLINE_MS = 5_000;
/** No test waits for it. */
const NEVER_MS = 600_000;
const OLD_MS = 3_600_000;

/** A worker of an empty partition, and its flushes as they come. */
function startTestWorker(
  intervals: { flush_interval_ms: number; flush_interval_max_ms: number },
): { worker: PartitionWorker; flushes: FlushTold[]; flushed(): Promise<FlushTold> } {
  const kafka = simulateKafka([]);
  const flushes: FlushTold[] = [];
  let waited = Promise.withResolvers<FlushTold>();
  const rules = { ...RULES, series_max: 100_000 };
  const restored = { next_offset: 0n, restore_from: 0n, state: null, candles: [] };
  const worker = startWorker({
    producer: clientOf(kafka).kafka.producer(),
    state: openPartition(0, 1, rules, restored),
    trimmed: 0n,
    other_offset: null,
  }, {
    ...intervals,
    group: "g",
    names: { stage: "aggregator", ...TOPICS },
    compression: "none",
    lastFetch: () => null,
    onTaken: () => {},
    onFlushed(told) {
      flushes.push(told);
      waited.resolve(told);
      waited = Promise.withResolvers();
    },
    onBroken(error) {
      waited.reject(error);
    },
  });
  return {
    worker,
    flushes,
    flushed: () => withDeadline(waited.promise, DEADLINE_MS, "A flush"),
  };
}

/** Ticks of so many symbols, one each, ingested so long ago. */
function records(symbols: number, age_ms: number, first = 0): KafkaRecord[] {
  const log = simulatePartition(RULES);
  for (let number = 0; number < first + symbols; number++) {
    appendTick(log, tick({ symbol: `S${number}` }), Date.now() - age_ms);
  }
  return log.input.slice(first);
}

const keepAlive = () => Promise.resolve();

Deno.test("a batch of more windows than a transaction should hold is written in several", async () => {
  const intervals = { flush_interval_ms: NEVER_MS, flush_interval_max_ms: NEVER_MS };
  const { worker, flushes } = startTestWorker(intervals);
  // Two intervals: two windows a symbol.
  const batch = { records: records(25_000, 0), next_offset: 25_000n, is_newest: true };
  strictEqual(await worker.take(batch, keepAlive), 25_000);
  await worker.close();
  const candles = flushes.map(({ candles }) => candles);
  ok(candles.length >= 3, `written in ${candles.length}`);
  // A piece of a thousand records may come on top.
  ok(Math.max(...candles) <= 22_000, `a transaction of ${Math.max(...candles)} windows`);
  strictEqual(candles.reduce((sum, each) => sum + each), 50_000);
  strictEqual(worker.committedOffset(), 25_000n);
});

Deno.test("a partition that has caught up flushes soon, whatever was planned and however old its records", async () => {
  const intervals = { flush_interval_ms: 200, flush_interval_max_ms: NEVER_MS };
  const { worker, flushes, flushed } = startTestWorker(intervals);
  const behind = { records: records(10, OLD_MS), next_offset: 10n, is_newest: false };
  strictEqual(await worker.take(behind, keepAlive), 10);
  strictEqual(flushes.length, 0, "a partition that is behind does not flush at once");
  const newest = { records: records(10, OLD_MS, 10), next_offset: 20n, is_newest: true };
  const soon = flushed();
  strictEqual(await worker.take(newest, keepAlive), 10);
  strictEqual((await soon).candles, 40);
  strictEqual(worker.committedOffset(), 20n);
  await worker.close();
});

Deno.test("bad records that wait are bounded too, however small they are", async () => {
  const intervals = { flush_interval_ms: NEVER_MS, flush_interval_max_ms: NEVER_MS };
  const { worker, flushes } = startTestWorker(intervals);
  const tombstones = Array.from({ length: 30_000 }, (_, offset) => ({
    offset: String(offset),
    timestamp: "0",
    key: null,
    value: null,
  }));
  const batch = { records: tombstones, next_offset: 30_000n, is_newest: true };
  strictEqual(await worker.take(batch, keepAlive), 30_000);
  await worker.close();
  const letters = flushes.map(({ dead_letters }) => dead_letters);
  ok(Math.max(...letters) <= 10_000, `a transaction of ${Math.max(...letters)} letters`);
  strictEqual(letters.reduce((sum, each) => sum + each), 30_000);
});

Deno.test("what a worker has not taken when it ends is not counted as taken", async () => {
  const intervals = { flush_interval_ms: NEVER_MS, flush_interval_max_ms: NEVER_MS };
  const { worker } = startTestWorker(intervals);
  await worker.drop();
  const batch = { records: records(10, 0), next_offset: 10n, is_newest: true };
  strictEqual(await worker.take(batch, keepAlive), 0);
});
