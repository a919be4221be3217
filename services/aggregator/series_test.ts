import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { type Candle, type Interval, INTERVAL_MS, windowStart } from "../../contract/candle.ts";
import type { Tick } from "../../contract/tick.ts";
import { SOURCES_MAX, type WindowRules } from "./series.ts";
import {
  appendMarker,
  appendTick,
  candlesOf,
  commitFlush,
  crash,
  RULES,
  type SimulatedPartition,
  simulatePartition,
  START,
  takeInput,
  tick,
} from "./simulation.ts";

/** The candles of some ticks by the definitions of the contract, written down naively. */
function expectedCandles(ticks: readonly Tick[], rules: WindowRules): Map<string, Partial<Candle>> {
  const groups = new Map<string, { interval: Interval; start: number; ticks: Tick[] }>();
  for (const each of ticks) {
    for (const interval of rules.intervals) {
      const start = windowStart(each.timestamp, INTERVAL_MS[interval]);
      const key = `${each.source}|${each.symbol}|${interval}|${start}`;
      const group = groups.get(key) ?? { interval, start, ticks: [] };
      group.ticks.push(each);
      groups.set(key, group);
    }
  }
  const candles = new Map<string, Partial<Candle>>();
  for (const [key, group] of groups) {
    // A stable sort: ticks of one event time stay in the order of arrival.
    const forming = group.ticks.filter((each) => each.price_forming !== false)
      .sort((left, right) => left.timestamp - right.timestamp);
    const prices = forming.map((each) => each.price);
    const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
    const volume = sum(forming.map((each) => each.volume));
    candles.set(key, {
      open: prices.at(0) ?? null,
      high: prices.length > 0 ? Math.max(...prices) : null,
      low: prices.length > 0 ? Math.min(...prices) : null,
      close: prices.at(-1) ?? null,
      volume: sum(group.ticks.map((each) => each.volume)),
      trades: group.ticks.length,
      vwap: volume > 0 ? sum(forming.map((each) => each.price * each.volume)) / volume : null,
      average_price: prices.length > 0 ? sum(prices) / prices.length : null,
      change_pct: prices.length > 0 ? (prices.at(-1)! - prices[0]!) / prices[0]! * 100 : null,
      final: true,
    });
  }
  return candles;
}

function assertCandles(log: SimulatedPartition, expected: Map<string, Partial<Candle>>): void {
  const found = candlesOf(log);
  deepStrictEqual([...found.keys()].sort(), [...expected.keys()].sort());
  for (const [key, candle] of expected) {
    const record = found.get(key)!;
    for (const [field, value] of Object.entries(candle)) {
      const actual = record[field as keyof Candle];
      const text = `${field} of ${key}: ${actual} instead of ${value}`;
      if (typeof value === "number" && typeof actual === "number") {
        ok(Math.abs(actual - value) <= 1e-12 * Math.abs(value), text);
      } else strictEqual(actual, value, text);
    }
  }
}

/** Prices and volumes whose sums are exact in doubles, so that order can't show by rounding. */
const arbitraryTick = fc.record({
  symbol: fc.constantFrom("A", "B", "C"),
  price: fc.integer({ min: 1, max: 4_000 }).map((quarters) => quarters / 4),
  volume: fc.integer({ min: 0, max: 1_000 }),
  gap_ms: fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: 0, max: 20_000 }),
    fc.constant(0),
    fc.integer({ min: 0, max: 900_000 }),
  ),
  delay_ms: fc.integer({ min: 0, max: RULES.allowed_lateness_ms }),
  price_forming: fc.boolean(),
});

/** Ticks in event order, and in an order of arrival in which none is late. */
const arbitraryTicks = fc.array(arbitraryTick, { minLength: 1, maxLength: 80 }).map((drawn) => {
  let timestamp = START;
  const in_order = drawn.map(({ gap_ms, delay_ms, ...fields }) => {
    timestamp += gap_ms;
    return { tick: tick({ ...fields, timestamp }), arrives: timestamp + delay_ms };
  });
  // Ticks of one symbol and millisecond keep their order, as one connection would keep it.
  const arrival = new Map<string, number>();
  for (const each of in_order) {
    const key = `${each.tick.symbol}|${each.tick.timestamp}`;
    each.arrives = Math.max(each.arrives, arrival.get(key) ?? 0);
    arrival.set(key, each.arrives);
  }
  return {
    in_order: in_order.map((each) => each.tick),
    shuffled: [...in_order].sort((left, right) => left.arrives - right.arrives)
      .map((each) => each.tick),
  };
});

const arbitrarySteps = fc.array(
  fc.record({
    count: fc.integer({ min: 0, max: 12 }),
    then: fc.constantFrom("flush", "flush", "crash", "flush and crash", "go on"),
    since_last_ms: fc.constantFrom(100, 1_000, 5_000, 12_000),
  }),
  { maxLength: 40 },
);

Deno.test("ticks shuffled within the allowed lateness give the candles of their event order, whatever crashes", () => {
  fc.assert(
    fc.property(arbitraryTicks, arbitrarySteps, ({ in_order, shuffled }, steps) => {
      const log = simulatePartition(RULES);
      for (const each of shuffled) appendTick(log, each);
      appendMarker(log, "s", in_order.at(-1)!.timestamp, true);
      for (const { count, then, since_last_ms } of steps) {
        takeInput(log, count);
        if (then.includes("flush")) commitFlush(log, since_last_ms);
        if (then.includes("crash")) crash(log);
      }
      takeInput(log, log.input.length);
      commitFlush(log, 100);
      deepStrictEqual(log.dead_letters, []);
      assertCandles(log, expectedCandles(in_order, RULES));
      const processed = log.output.flatMap((record) => "ledger" in record ? [record.ledger] : []);
      const segments = new Map(
        processed.map((each) => [`${each.minute}|${each.first_offset}`, each]),
      );
      const counted = [...segments.values()].reduce((total, each) => total + each.processed, 0);
      strictEqual(counted, in_order.length);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("a final candle's sliding average is the mean of the seconds before its window's end", () => {
  fc.assert(
    fc.property(arbitraryTicks, fc.array(fc.integer({ min: 1, max: 9 })), (drawn, counts) => {
      const log = simulatePartition(RULES);
      for (const each of drawn.shuffled) appendTick(log, each);
      appendMarker(log, "s", drawn.in_order.at(-1)!.timestamp, true);
      for (const count of counts) {
        takeInput(log, count);
        commitFlush(log, 1_000);
      }
      takeInput(log, log.input.length);
      commitFlush(log, 100);
      for (const candle of candlesOf(log).values()) {
        const last = Math.floor((candle.window_start + INTERVAL_MS[candle.interval] - 1) / 1000);
        const prices = drawn.in_order.filter((each) => {
          const second = Math.floor(each.timestamp / 1000);
          return each.symbol === candle.symbol && each.price_forming !== false &&
            second <= last && second > last - RULES.sliding_average_seconds;
        }).map((each) => each.price);
        const mean = prices.length === 0
          ? null
          : prices.reduce((total, price) => total + price, 0) / prices.length;
        strictEqual(candle.sliding_average_price, mean, JSON.stringify(candle));
      }
    }),
    { numRuns: 1_500 },
  );
});

Deno.test("late ticks are refused alike whatever crashes, and disturb nothing", () => {
  const arbitraryLate = fc.array(
    fc.record({
      ...{ symbol: fc.constantFrom("A", "B"), price: fc.integer({ min: 1, max: 100 }) },
      at_ms: fc.integer({ min: 0, max: 600_000 }),
    }),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(arbitraryLate, arbitrarySteps, (drawn, steps) => {
      const ticks = drawn.map(({ at_ms, ...fields }) =>
        tick({ ...fields, timestamp: START + at_ms })
      );
      const newest = new Map<string, number>();
      const taken: Tick[] = [];
      const late: Tick[] = [];
      for (const each of ticks) {
        const before = newest.get(each.symbol) ?? -Infinity;
        (each.timestamp < before - RULES.allowed_lateness_ms ? late : taken).push(each);
        newest.set(each.symbol, Math.max(before, each.timestamp));
      }
      const log = simulatePartition(RULES);
      for (const each of ticks) appendTick(log, each, START + 600_000);
      appendMarker(log, "s", START + 600_000, true);
      for (const { count, then, since_last_ms } of steps) {
        takeInput(log, count);
        if (then.includes("flush")) commitFlush(log, since_last_ms);
        if (then.includes("crash")) crash(log);
      }
      takeInput(log, log.input.length);
      commitFlush(log, 100);
      deepStrictEqual(
        log.dead_letters.map((letter) => letter.fault.reason),
        late.map(() => "late"),
      );
      assertCandles(log, expectedCandles(taken, RULES));
    }),
    { numRuns: 1_500 },
  );
});

Deno.test("two sources of one symbol, years apart, do not disturb each other", () => {
  const log = simulatePartition(RULES);
  const old = START - 8 * 365 * 86_400_000;
  const ticks: Tick[] = [];
  for (let second = 0; second < 300; second += 7) {
    ticks.push(tick({ source: "live", timestamp: START + second * 1000, price: 20 + second }));
    ticks.push(tick({ source: "replay/x", timestamp: old + second * 1000, price: 5 + second }));
  }
  for (const each of ticks) appendTick(log, each, START + 400_000);
  appendMarker(log, "live", START + 400_000, true);
  appendMarker(log, "replay/x", old + 400_000, true);
  takeInput(log, log.input.length);
  commitFlush(log, 100);
  deepStrictEqual(log.dead_letters, []);
  assertCandles(log, expectedCandles(ticks, RULES));
});

Deno.test("a marker closes the windows of quiet symbols once the lateness has passed too", () => {
  const log = simulatePartition(RULES);
  appendTick(log, tick({}));
  appendMarker(log, "s", START + 60_000 + 4_999, false);
  takeInput(log, 2);
  commitFlush(log, 100);
  strictEqual(candlesOf(log).get(`s|A|1m|${START}`)?.final, false);
  appendMarker(log, "s", START + 65_000, false);
  takeInput(log, 1);
  commitFlush(log, 100);
  strictEqual(candlesOf(log).get(`s|A|1m|${START}`)?.final, true);
  strictEqual(candlesOf(log).get(`s|A|5m|${START}`)?.final, false);
  // The source has passed this minute, so a tick of a symbol not seen yet is late in it.
  appendTick(log, tick({ symbol: "B" }), START + 65_000);
  takeInput(log, 1);
  commitFlush(log, 100);
  deepStrictEqual(log.dead_letters.map((letter) => letter.fault.reason), ["late"]);
});

Deno.test("the state of an ended or long quiet source is let go, and its late ticks are still late", () => {
  const log = simulatePartition({ ...RULES, intervals: ["1m"] });
  appendTick(log, tick({}));
  appendMarker(log, "s", START + 300_000, false);
  takeInput(log, 2);
  for (let flush = 0; flush < 3; flush++) commitFlush(log, 12_000);
  strictEqual(log.state.book.series_count, 0);
  crash(log);
  appendTick(log, tick({ timestamp: START + 1 }), START + 300_000);
  takeInput(log, 1);
  commitFlush(log, 100);
  deepStrictEqual(log.dead_letters.map((letter) => letter.fault.reason), ["late"]);
});

Deno.test("a restore reads a few sweeps of output, however long a window is open", () => {
  const log = simulatePartition({ ...RULES, intervals: ["1h"] });
  for (let symbol = 0; symbol < 50; symbol++) appendTick(log, tick({ symbol: `S${symbol}` }));
  takeInput(log, 50);
  commitFlush(log, 100);
  for (let second = 0; second < 600; second++) {
    appendTick(log, tick({ symbol: "BUSY", timestamp: START + second * 1000 }));
    takeInput(log, 1);
    commitFlush(log, 1_000);
  }
  const read = log.output.length - Number(log.committed!.restore_from);
  ok(read < 250, `a restore reads ${read} of ${log.output.length} records`);
  crash(log);
  strictEqual(log.state.book.series_count, 51);
});

Deno.test("the sliding average is the mean of the last seconds, and null after a restart until its span has passed", () => {
  const log = simulatePartition({ ...RULES, sliding_average_seconds: 10 });
  const last = (): number | null => candlesOf(log).get(`s|A|5m|${START}`)!.sliding_average_price;
  const step = (second: number, price: number): void => {
    appendTick(log, tick({ timestamp: START + second * 1000, price }));
    takeInput(log, 1);
    commitFlush(log, 100);
  };
  for (let second = 0; second < 20; second++) step(second, second + 1);
  strictEqual(last(), (11 + 20) / 2);
  crash(log);
  step(20, 100);
  strictEqual(last(), null);
  for (let second = 21; second < 29; second++) step(second, 100);
  strictEqual(last(), null);
  step(29, 100);
  strictEqual(last(), 100);
});

Deno.test("a tick of a source that has ended is late, after a restart too", () => {
  const log = simulatePartition(RULES);
  appendTick(log, tick({}));
  appendMarker(log, "s", START, true);
  takeInput(log, 2);
  commitFlush(log, 100);
  crash(log);
  appendTick(log, tick({ timestamp: START + 3_000_000 }));
  takeInput(log, 1);
  commitFlush(log, 100);
  deepStrictEqual(log.dead_letters.map((letter) => letter.fault.reason), ["late"]);
});

Deno.test("more sources than a partition may know are refused, and an ended one makes room", () => {
  const log = simulatePartition(RULES);
  const name = (index: number): string => `source-${index}`;
  for (let index = 0; index < SOURCES_MAX; index++) appendMarker(log, name(index), START, false);
  appendMarker(log, "one-more", START, false);
  appendTick(log, tick({ source: "another" }));
  appendMarker(log, name(7), START + 1, true);
  appendMarker(log, "one-more", START, false);
  takeInput(log, log.input.length);
  commitFlush(log, 100);
  deepStrictEqual(log.dead_letters.map((letter) => letter.fault.reason), [
    "series_limit",
    "series_limit",
  ]);
  strictEqual(log.state.book.sources.has("one-more"), true);
  strictEqual(log.state.book.sources.has(name(7)), false);
  strictEqual(log.state.book.sources.size, SOURCES_MAX);
});

Deno.test("a marker whose source is no name is refused, however large, and a refused tick names none", () => {
  const log = simulatePartition(RULES);
  appendMarker(log, "x".repeat(600_000), START, false);
  appendMarker(log, "a|b", START, false);
  appendTick(log, tick({ source: "unheard-of", timestamp: START + 100_000 }), START);
  takeInput(log, 3);
  commitFlush(log, 100);
  deepStrictEqual(log.dead_letters.map((letter) => letter.fault.reason), [
    "marker_malformed",
    "marker_malformed",
    "far_future",
  ]);
  strictEqual(log.state.book.sources.size, 0);
});
