import { ok, strictEqual } from "node:assert/strict";
import { flushInterval, isFull } from "./flush_due.ts";
import {
  appendTick,
  commitFlush,
  RULES,
  simulatePartition,
  takeInput,
  tick,
} from "./simulation.ts";

const INTERVALS = { flush_interval_ms: 100, flush_interval_max_ms: 5_000 };

Deno.test("a flush waits a tenth of how late the partition is, within what is configured", () => {
  for (
    const [behind_ms, wait_ms] of [[-3_000, 100], [0, 100], [1_000, 100], [8_000, 800], [
      50_000,
      5_000,
    ], [9e9, 5_000]] as const
  ) strictEqual(flushInterval(INTERVALS, behind_ms), wait_ms);
  const fixed = { flush_interval_ms: 200, flush_interval_max_ms: 100 };
  strictEqual(flushInterval(fixed, 60_000), 200);
});

Deno.test("a flush is due at once where a transaction's worth of windows or of dead letters waits", () => {
  const log = simulatePartition({ ...RULES, series_max: 60_000 });
  // Two intervals: each new symbol has two windows more.
  for (let symbol = 0; symbol < 10_000; symbol++) {
    ok(!isFull(log.state), `full after ${symbol} symbols`);
    appendTick(log, tick({ symbol: `S${symbol}` }));
    takeInput(log, 1);
  }
  ok(isFull(log.state));
  commitFlush(log, 100);
  ok(!isFull(log.state));

  const value = new TextEncoder().encode("x".repeat(1_000_000));
  for (let letters = 0; letters < 8; letters++) {
    ok(!isFull(log.state), `full after ${letters} letters`);
    log.input.push({ offset: String(log.input.length), timestamp: "0", key: null, value });
    takeInput(log, 1);
  }
  ok(isFull(log.state));
  commitFlush(log, 100);
  ok(!isFull(log.state));
});
