import { deepStrictEqual, notDeepStrictEqual, ok } from "node:assert/strict";
import { createPricePath, createRandom, intradayWeight, symbolSeed } from "./price_path.ts";

const DAY_MS = 86_400_000;

/** Estimated volatility per square root of a day of a path with these steps. */
function estimatedVolatility(volatility: number, steps_ms: readonly number[]): number {
  const path = createPricePath(7, volatility);
  let previous = path.next(1, 0).price;
  let square_sum = 0;
  let days = 0;
  let timestamp = 0;
  for (const step_ms of steps_ms) {
    const { price } = path.next(step_ms, timestamp += step_ms);
    square_sum += Math.log(price / previous) ** 2;
    days += step_ms / DAY_MS;
    previous = price;
  }
  return Math.sqrt(square_sum / days);
}

for (
  const [volatility, interval_ms] of [[0.02, 1_000], [0.02, 100], [0.3, 1_000], [
    0.01,
    60_000,
  ]] as const
) {
  Deno.test(`a path at ${interval_ms} ms has the volatility ${volatility} that was set`, () => {
    const estimate = estimatedVolatility(volatility, Array(40_000).fill(interval_ms));
    // The standard error of the estimate over n steps is σ/√(2n), 0.35 % here.
    ok(Math.abs(estimate / volatility - 1) < 0.02, `estimated ${estimate}`);
  });
}

Deno.test("uneven steps leave the volatility as it is", () => {
  const random = createRandom(1);
  const estimate = estimatedVolatility(
    0.02,
    Array.from({ length: 40_000 }, () => 1 + random() * 5_000),
  );
  ok(Math.abs(estimate / 0.02 - 1) < 0.02, `estimated ${estimate}`);
});

Deno.test("without volatility the price stands still", () => {
  const path = createPricePath(1, 0);
  deepStrictEqual(path.next(1_000, 0).price, path.next(1_000, 1_000).price);
});

Deno.test("the same seed gives the same path, another another", () => {
  const draw = (seed: number): unknown => {
    const path = createPricePath(seed, 0.02);
    return Array.from({ length: 100 }, (_, step) => path.next(1_000, step * 1_000));
  };
  deepStrictEqual(draw(5), draw(5));
  notDeepStrictEqual(draw(5), draw(6));
});

Deno.test("symbols and seeds have paths of their own", () => {
  const seeds = [1, 2, 3].flatMap((seed) =>
    ["AAPL", "AAPM", "A", "BA", "AB"].map((symbol) => symbolSeed(seed, symbol))
  );
  deepStrictEqual(new Set(seeds).size, seeds.length);
});

Deno.test("volume follows a U over the day and is 1 on average", () => {
  ok(intradayWeight(0) === 2 && intradayWeight(DAY_MS / 2) === 0.5);
  const weights = Array.from({ length: 1_440 }, (_, minute) => intradayWeight(minute * 60_000));
  const mean = weights.reduce((sum, weight) => sum + weight) / weights.length;
  ok(Math.abs(mean - 1) < 0.001, `mean ${mean}`);
  ok(Math.abs(intradayWeight(-1) - 2) < 0.001, "before 1970");
});

Deno.test("volumes at midnight are about four times those at noon", () => {
  const path = createPricePath(3, 0.02);
  const total = (timestamp: number): number => {
    let sum = 0;
    for (let count = 0; count < 20_000; count++) sum += path.next(1, timestamp).volume;
    return sum;
  };
  const ratio = total(0) / total(DAY_MS / 2);
  ok(ratio > 3.7 && ratio < 4.3, `ratio ${ratio}`);
});
