/** Source `simulator`: made-up ticks of some symbols at a steady rate. */
import type { Tick } from "../../../contract/tick.ts";
import { sleep } from "../../../runtime/backoff.ts";
import type { OpenSource } from "./source.ts";
import { createPricePath, symbolSeed } from "./price_path.ts";

const SOURCE = "simulator";
/** A live source says this often what event time it has reached. */
const HEARTBEAT_MS = 1_000;
/** Rounds that are due are made together, and at most so many ticks at a time. */
const LOAD_TICKS_MAX = 2_000;
/** Shorter waits than this cost more than they are worth: what falls due meanwhile is one load. */
const WAIT_MS_MIN = 2;
/** Where the simulator is behind by more (the machine slept, Kafka was away), it goes on from now. */
const BEHIND_MS_MAX = 1_000;

/** Rounds by the clock: in each round every symbol ticks once, at the round's time. */
export interface Rounds {
  /**
   * The ticks that are due, oldest first, up to LOAD_TICKS_MAX and one round at least.
   *
   * @param now_ms The clock.
   */
  due(now_ms: number): Tick[];
  /** When the next round is due, ms; may have a fraction. */
  next_ms(): number;
  /** Rounds that were left out since the source was more than a second behind. */
  skipped(): number;
}

/**
 * Makes the rounds of a simulation. The n-th round is at start + n · interval, so that a late timer
 * does not slow the rate; the same seed gives the same prices.
 *
 * @param options What to simulate; start_ms is the time of the first round.
 */
export function createRounds(options: {
  symbols: readonly string[];
  interval_ms: number;
  volatility: number;
  seed: number;
  start_ms: number;
}): Rounds {
  const { symbols, interval_ms } = options;
  const paths = symbols.map((symbol) =>
    createPricePath(symbolSeed(options.seed, symbol), options.volatility)
  );
  let start_ms = options.start_ms;
  let round = 0;
  let elapsed_ms = interval_ms;
  let skipped = 0;

  return {
    due(now_ms) {
      const behind_ms = now_ms - (start_ms + round * interval_ms);
      if (behind_ms > BEHIND_MS_MAX && behind_ms > interval_ms) {
        const left_out = Math.floor(behind_ms / interval_ms);
        skipped += left_out;
        round += left_out;
        elapsed_ms += left_out * interval_ms;
      }
      const ticks: Tick[] = [];
      for (; start_ms + round * interval_ms <= now_ms; round++) {
        if (ticks.length > 0 && ticks.length + symbols.length > LOAD_TICKS_MAX) break;
        const timestamp = Math.floor(start_ms + round * interval_ms);
        for (let at = 0; at < symbols.length; at++) {
          const { price, volume } = paths[at]!.next(elapsed_ms, timestamp);
          ticks.push({ symbol: symbols[at]!, price, volume, timestamp, source: SOURCE });
        }
        elapsed_ms = interval_ms;
      }
      // A clock that was set back would silence the simulator until it has caught up.
      if (start_ms + round * interval_ms - now_ms > interval_ms + BEHIND_MS_MAX) {
        start_ms = now_ms;
        round = 0;
      }
      return ticks;
    },
    next_ms: () => start_ms + round * interval_ms,
    skipped: () => skipped,
  };
}

/** Opens the simulator. */
export const openSimulator: OpenSource = ({ config, door, log, stopping }) => {
  const seed = config.simulator_seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
  log.info("simulator starts", { event: "source_started", source: SOURCE, seed });
  return Promise.resolve({
    missing: () => [],
    async run() {
      const rounds = createRounds({
        symbols: config.symbols,
        interval_ms: config.tick_interval_s * 1_000,
        volatility: config.price_volatility,
        seed,
        start_ms: Date.now(),
      });
      let reached_ms = Date.now();
      let heartbeat_at_ms = reached_ms + HEARTBEAT_MS;
      let skipped = 0;
      while (!stopping.aborted) {
        const now_ms = Date.now();
        const { ticks } = door.admit(SOURCE, rounds.due(now_ms));
        if (ticks.length > 0) await door.put({ kind: "ticks", ticks });
        // Every round before the next one has been handed over.
        reached_ms = Math.max(reached_ms, Math.min(now_ms, Math.floor(rounds.next_ms()) - 1));
        if (now_ms >= heartbeat_at_ms) {
          heartbeat_at_ms = now_ms + HEARTBEAT_MS;
          await door.put({ kind: "marker", source: SOURCE, event_time: reached_ms, ended: false });
          if (rounds.skipped() > skipped) {
            log.warn("the simulator was too far behind and left rounds out", {
              event: "rounds_skipped",
              rounds: rounds.skipped() - skipped,
            });
            skipped = rounds.skipped();
          }
        }
        const wait_ms = Math.min(rounds.next_ms(), heartbeat_at_ms) - Date.now();
        if (wait_ms > 0) await sleep(Math.max(WAIT_MS_MIN, wait_ms), stopping);
      }
    },
  });
};
