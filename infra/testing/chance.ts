/** Chance that can be had again by its seed. Pure. */
import { createRandom } from "../../services/producer/sources/price_path.ts";

/** Draws from a seed. */
export interface Chance {
  /** A whole number from `min` to `max`. */
  between(min: number, max: number): number;
  /** One of some. */
  pick<Item>(items: readonly Item[]): Item;
}

/** Chance from a seed: the same seed draws the same. */
export function chanceOf(seed: number): Chance {
  const draw = createRandom(seed);
  const between = (min: number, max: number): number => min + Math.floor(draw() * (max - min + 1));
  return { between, pick: (items) => items[between(0, items.length - 1)]! };
}
