/** Files of ticks that proofs write for a replay. */

import { createRandom } from "../../services/producer/sources/price_path.ts";

/** The header of the tick format. */
export const TICK_HEADER = "symbol,timestamp,price,volume,trade_id,price_forming";

/** Writes lines of the tick format as a CSV file. */
export async function writeTickFile(path: string, lines: readonly string[]): Promise<void> {
  await Deno.writeTextFile(path, [TICK_HEADER, ...lines, ""].join("\n"));
}

/**
 * Puts ticks into an order in which each arrives up to `delay_ms_max` of event time after its turn.
 * Those of one symbol and millisecond keep their order.
 *
 * @param lines Lines of the tick format, in event order for each symbol.
 */
export function shuffleWithin(
  lines: readonly string[],
  delay_ms_max: number,
  seed: number,
): string[] {
  const random = createRandom(seed);
  const arrivals = new Map<string, number>();
  return lines.map((line) => {
    const [symbol, timestamp] = line.split(",", 2);
    const key = `${symbol},${timestamp}`;
    const arrives = Math.max(
      Number(timestamp) + Math.floor(random() * (delay_ms_max + 1)),
      arrivals.get(key) ?? -Infinity,
    );
    arrivals.set(key, arrives);
    return { line, arrives };
  }).sort((left, right) => left.arrives - right.arrives).map(({ line }) => line);
}

/**
 * The trades of an Upbit capture as lines of the tick format, in the order of their arrival. Event
 * time is `ttms`. Messages are Python bytes literals.
 */
export function upbitTrades(capture: string): string[] {
  return capture.split("\n").flatMap((line) => {
    const literal = /^[\d.]+: b'(.*)'$/.exec(line)?.[1];
    if (!literal?.includes('"ty":"trade"')) return [];
    const { cd, ttms, tp, tv, sid } = JSON.parse(literal.replace(/\\x../g, "?"));
    return [`${cd},${ttms},${tp},${tv},${sid},true`];
  });
}
