/** The scenarios of `deno task load`: where the ticks come from. Pure. */

/** A scenario, for a number of ticks a second. */
export interface LoadScenario {
  /** The script in load-tests/. */
  script: "ingest" | "feed";
  sources: readonly string[];
  /** Settings of the platform. */
  environment: (ticks_per_s: number) => { [variable: string]: string };
  /** How many of the ticks k6 sends itself. */
  sent_by_k6: (ticks_per_s: number) => number;
}

const SYMBOLS = 50;

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
    sources: ["http"],
    environment: () => ({}),
    sent_by_k6: (ticks_per_s) => ticks_per_s,
  },
  feed: {
    script: "feed",
    sources: ["simulator"],
    environment: simulated,
    sent_by_k6: () => 0,
  },
  mixed: {
    script: "ingest",
    sources: ["simulator", "http"],
    environment: (ticks_per_s) => simulated(ticks_per_s / 2),
    sent_by_k6: (ticks_per_s) => ticks_per_s / 2,
  },
} as const satisfies { [name: string]: LoadScenario };
