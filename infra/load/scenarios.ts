/** The scenarios of `deno task load`: where the ticks come from. */
import { type Kind, KINDS } from "../../load-tests/kinds.ts";
import { writeScaledReplay } from "./scaled_replay.ts";

/** A load, as far as where its ticks come from depends on it. */
export interface LoadRate {
  kind: Kind;
  /** What it begins with. */
  ticks_per_s: number;
  duration_s: number;
}

/** A scenario. */
export interface LoadScenario {
  /** The script in load-tests/. */
  script: "ingest" | "feed";
  /** Kinds of load that it can be. */
  kinds: readonly Kind[];
  sources: readonly string[];
  /**
   * Makes ready what the platform is fed with.
   *
   * @param load What it is to bring.
   * @param dir A directory for files, which goes when the load has ended.
   * @returns Settings of the platform.
   */
  prepare(load: LoadRate, dir: string): Promise<{ [variable: string]: string }>;
  /** What the script is told of the ticks a second: those that it sends, or those a feed brings. */
  script_ticks_per_s(ticks_per_s: number): number;
}

const SYMBOLS = 50;
const STEADY_KINDS: readonly Kind[] = ["smoke", "average", "soak"];

/** The simulator makes a tick of each symbol at once: its rounds make the rate. */
function simulated(ticks_per_s: number): { [variable: string]: string } {
  return {
    STOCK_SYMBOLS: Array.from({ length: SYMBOLS }, (_, at) => `FEED${at}`).join(),
    TICK_INTERVAL: String(SYMBOLS / ticks_per_s),
  };
}

export const LOAD_SCENARIOS = {
  ingest: {
    script: "ingest",
    kinds: KINDS,
    sources: ["http"],
    prepare: () => Promise.resolve({}),
    script_ticks_per_s: (ticks_per_s) => ticks_per_s,
  },
  feed: {
    script: "feed",
    kinds: STEADY_KINDS,
    sources: ["simulator"],
    prepare: ({ ticks_per_s }) => Promise.resolve(simulated(ticks_per_s)),
    script_ticks_per_s: (ticks_per_s) => ticks_per_s,
  },
  // In a spike and a breakpoint it is the callers' half that grows.
  mixed: {
    script: "ingest",
    kinds: KINDS,
    sources: ["simulator", "http"],
    prepare: ({ ticks_per_s }) => Promise.resolve(simulated(ticks_per_s / 2)),
    script_ticks_per_s: (ticks_per_s) => ticks_per_s / 2,
  },
  replay: {
    script: "feed",
    kinds: KINDS,
    sources: ["replay"],
    async prepare(load, dir) {
      const { path, speed } = await writeScaledReplay(load, dir);
      return { TAPELINE_REPLAY_FILE: path, TAPELINE_REPLAY_SPEED: String(speed) };
    },
    script_ticks_per_s: (ticks_per_s) => ticks_per_s,
  },
} as const satisfies { [name: string]: LoadScenario };

export type ScenarioName = keyof typeof LOAD_SCENARIOS;
