/**
 * The simulator's arithmetic: geometric Brownian motion (F. Black, M. Scholes, "The Pricing of
 * Options and Corporate Liabilities", 1973, eq. of the stock price) and volumes that look like a
 * trading day's. Pure: a seed and times in, prices and volumes out.
 */

const DAY_MS = 86_400_000;

/** Numbers from 0 (included) to 1 (excluded). */
export type Random = () => number;

/**
 * A seeded random generator (mulberry32 by T. Ettinger, public domain): good enough for a picture
 * of a market, small and fast.
 *
 * @param seed A whole number from 0 to 2^32 − 1.
 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A standard normal number (G. Box, M. Muller, "A Note on the Generation of Random Normal
 * Deviates", 1958).
 */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * The seed of a symbol's own path: its name hashed into the simulator's seed (FNV-1a, 32 bits), so
 * that a symbol's prices do not depend on which others are simulated.
 */
export function symbolSeed(seed: number, symbol: string): number {
  let hash = (2_166_136_261 ^ seed) >>> 0;
  for (const character of symbol) {
    hash = Math.imul(hash ^ character.codePointAt(0)!, 16_777_619) >>> 0;
  }
  return hash;
}

/**
 * How lively a moment of the day is: a U over the UTC day, 2 at midnight, 0.5 at noon, 1 on average.
 *
 * @param timestamp Milliseconds since the epoch.
 */
export function intradayWeight(timestamp: number): number {
  const share = ((timestamp % DAY_MS) + DAY_MS) % DAY_MS / DAY_MS;
  return 0.5 + 6 * (share - 0.5) ** 2;
}

/** The price and volume of a symbol's next trade. */
export interface PricePath {
  /**
   * @param elapsed_ms Time since the symbol's last trade.
   * @param timestamp Event time of this one, ms.
   */
  next(elapsed_ms: number, timestamp: number): { price: number; volume: number };
}

/** Median volume of a trade at an average moment, and the spread of its logarithm. */
const VOLUME_MEDIAN = 100;
const VOLUME_SPREAD = 1;
/** The first price lies between these. */
const FIRST_PRICE_MIN = 20;
const FIRST_PRICE_MAX = 500;
/** Millionths: coarser ones would show as volatility of their own at short intervals. */
const PRICE_STEPS = 1e6;

/**
 * Makes a symbol's path.
 *
 * @param seed The path's seed (`symbolSeed`).
 * @param volatility Per square root of a day of 24 hours.
 */
export function createPricePath(seed: number, volatility: number): PricePath {
  const random = createRandom(seed);
  let log_price = Math.log(FIRST_PRICE_MIN) +
    random() * Math.log(FIRST_PRICE_MAX / FIRST_PRICE_MIN);
  return {
    next(elapsed_ms, timestamp) {
      const days = elapsed_ms / DAY_MS;
      log_price += volatility * Math.sqrt(days) * normal(random) - volatility ** 2 * days / 2;
      const price = Math.max(1, Math.round(Math.exp(log_price) * PRICE_STEPS)) / PRICE_STEPS;
      const size = VOLUME_MEDIAN * intradayWeight(timestamp) *
        Math.exp(VOLUME_SPREAD * normal(random));
      return { price, volume: Math.max(1, Math.round(size)) };
    },
  };
}
