import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { sourceCases } from "./cases.ts";
import { createRounds } from "./simulator.ts";
import { withSource } from "./test_source.ts";

const START_MS = 1_700_000_000_000;
const SYMBOLS = ["AAPL", "MSFT"];

function rounds(interval_ms: number, seed = 1): ReturnType<typeof createRounds> {
  return createRounds({
    symbols: SYMBOLS,
    interval_ms,
    volatility: 0.02,
    seed,
    start_ms: START_MS,
  });
}

/** Everything that is due at a moment. */
function drain(
  simulation: ReturnType<typeof createRounds>,
  now_ms: number,
): { timestamp: number }[] {
  const ticks = [];
  for (let due = simulation.due(now_ms); due.length > 0; due = simulation.due(now_ms)) {
    ticks.push(...due);
  }
  return ticks;
}

sourceCases({
  name: "simulator",
  source: "simulator",
  ends: false,
  waits: true,
  makes_its_own: true,
  prepare: (_inputs, test) => test({ TICK_INTERVAL: "0.01" }, () => {}),
});

Deno.test("the rate holds without drift, however late the timer is", () => {
  const simulation = rounds(0.1);
  let count = 0;
  let now_ms = START_MS;
  for (const late_ms of Array.from({ length: 200 }, (_, step) => [2, 3, 17, 40][step % 4]!)) {
    count += drain(simulation, now_ms += late_ms).length;
  }
  strictEqual(count, 2 * (Math.round((now_ms - START_MS) * 10) + 1));
  strictEqual(simulation.skipped(), 0);
});

Deno.test("a round's ticks carry its time, not that of the timer", () => {
  const ticks = drain(rounds(100), START_MS + 999);
  deepStrictEqual(
    [...new Set(ticks.map((tick) => tick.timestamp - START_MS))],
    [0, 100, 200, 300, 400, 500, 600, 700, 800, 900],
  );
});

Deno.test("the same seed gives the same ticks, however they are cut into loads", () => {
  const one_load = drain(rounds(10, 9), START_MS + 900);
  const simulation = rounds(10, 9);
  const many = [100, 101, 350, 900].flatMap((at) => drain(simulation, START_MS + at));
  deepStrictEqual(many, one_load);
});

Deno.test("more than a second behind, rounds are left out and counted", () => {
  const simulation = rounds(10);
  drain(simulation, START_MS);
  const ticks = drain(simulation, START_MS + 60_000);
  ok(ticks.length <= 4, `${ticks.length} ticks`);
  ok(simulation.skipped() >= 5_990, `${simulation.skipped()} rounds`);
  ok(simulation.next_ms() > START_MS + 60_000);
});

Deno.test("a price moves on over rounds that were left out", () => {
  const symbols = Array.from({ length: 300 }, (_, at) => `S${at}`);
  const simulation = createRounds({
    symbols,
    interval_ms: 10,
    volatility: 0.02,
    seed: 4,
    start_ms: START_MS,
  });
  const jump_ms = 5_000;
  const previous = new Map<string, number>();
  let square_sum = 0;
  let returns = 0;
  for (let jump = 0; jump < 40; jump++) {
    for (const { symbol, price } of simulation.due(START_MS + jump * jump_ms).slice(0, 300)) {
      const before = previous.get(symbol);
      previous.set(symbol, price);
      if (before === undefined) continue;
      square_sum += Math.log(price / before) ** 2;
      returns++;
    }
  }
  const volatility = Math.sqrt(square_sum / (returns * jump_ms / 86_400_000));
  // The standard error over 11,700 returns is 0.65 %.
  ok(Math.abs(volatility / 0.02 - 1) < 0.03, `estimated ${volatility}`);
});

Deno.test("a long interval is no lag", () => {
  const simulation = rounds(60_000);
  for (const late_ms of [0, 60_500, 120_990]) {
    strictEqual(drain(simulation, START_MS + late_ms).length, 2);
  }
  strictEqual(simulation.skipped(), 0);
});

Deno.test("a clock that is set back does not silence it", () => {
  const simulation = rounds(10);
  drain(simulation, START_MS + 500);
  drain(simulation, START_MS - 3_600_000);
  strictEqual(drain(simulation, START_MS - 3_600_000 + 100).length, 22);
});

Deno.test("a heartbeat is behind every tick that it speaks of", async () => {
  await withSource("simulator", { TICK_INTERVAL: "0.0007" }, async (under_test) => {
    await under_test.takeUntil(() => under_test.markers.length > 0);
    const reached = under_test.markers[0]!.event_time!;
    // The next round may be in the last one's millisecond: that one is then not spoken of yet.
    ok(under_test.ticks.at(-1)!.timestamp <= reached + 1);
    const before = under_test.ticks.length;
    await under_test.takeUntil(() => under_test.ticks.length > before + 20);
    for (const tick of under_test.ticks.slice(before)) ok(tick.timestamp > reached);
  });
});
