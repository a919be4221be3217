/** Replay's `--sample`: a random record of the file a second, with the time of sending. */
import type { Tick } from "../../../contract/tick.ts";
import { sleep } from "../../../runtime/backoff.ts";
import type { SourceContext } from "./source.ts";

/** So many records of the file are drawn from: a file may be larger than memory. */
const SAMPLE_TICKS = 10_000;
const SAMPLE_INTERVAL_MS = 1_000;

/** A uniform sample of whatever is added, of bounded size. */
export interface Reservoir {
  add(ticks: readonly Tick[]): void;
  /** One of the sample at random; null while there is none. */
  draw(): Tick | null;
}

/**
 * Makes a reservoir (J. Vitter, "Random Sampling with a Reservoir", 1985: algorithm R).
 *
 * @param size How many it keeps.
 * @param random From 0 to 1.
 */
export function createReservoir(size = SAMPLE_TICKS, random = Math.random): Reservoir {
  const kept: Tick[] = [];
  let seen = 0;
  return {
    add(ticks) {
      for (const tick of ticks) {
        seen++;
        if (kept.length < size) kept.push(tick);
        else {
          const at = Math.floor(random() * seen);
          if (at < size) kept[at] = tick;
        }
      }
    },
    draw: () => kept[Math.floor(random() * kept.length)] ?? null,
  };
}

/**
 * Sends a drawn record a second until the producer stops; after each a marker says how far the
 * source is, as it is a live one.
 */
export async function sendSamples(
  { door, stopping }: Pick<SourceContext, "door" | "stopping">,
  reservoir: Reservoir,
): Promise<void> {
  while (!stopping.aborted) {
    const drawn = reservoir.draw();
    if (drawn === null) return;
    const tick = { ...drawn, timestamp: Date.now() };
    await door.put({ kind: "ticks", ticks: [tick] });
    const { source, timestamp: event_time } = tick;
    await door.put({ kind: "marker", source, event_time, ended: false });
    await sleep(SAMPLE_INTERVAL_MS, stopping);
  }
}
