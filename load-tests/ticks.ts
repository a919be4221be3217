/** Bodies of requests. Pure. */

const SYMBOLS = 50;
const BASE_PRICE = 100;

/** A tick that the door takes: of one of fifty symbols, by the wall clock. */
export function goodTick(number: number, now_ms: number): { [field: string]: unknown } {
  return {
    symbol: `LOAD${number % SYMBOLS}`,
    price: BASE_PRICE + (number % 997) / 100,
    volume: 1 + number % 10,
    timestamp: now_ms,
  };
}

/** One that it refuses. */
export function badTick(number: number, now_ms: number): { [field: string]: unknown } {
  return { ...goodTick(number, now_ms), price: -1 };
}
