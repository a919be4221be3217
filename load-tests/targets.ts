/** What the platform promises under load: k6 gates on these, and nothing else names a limit. Pure. */

import type { Options } from "k6/options";
import type { Kind } from "./kinds.ts";

/** A promise, and the sentence for whoever reads that it was not kept. */
export interface Target {
  /** The metric in k6: its own, or one of load-tests/platform.ts; `ledger` is read after k6's end. */
  metric: string;
  /** Which of the metric's statistics, as k6 names it. */
  statistic: string;
  at_most: number;
  /** Said where it is missed; `{value}` stands for what was measured. */
  missed: string;
  /** Asked of loads of these alone; absent: of all. */
  of?: "door" | "feed";
  /** Kinds of load that it is asked of; absent: all. */
  kinds?: readonly Kind[];
}

/** A breakpoint goes on until one of them is missed: that is its result and no fault. */
const UNLESS_BREAKPOINT: readonly Kind[] = ["smoke", "average", "spike", "soak"];

export const DOOR_DURATION: Target = {
  metric: "http_req_duration{asked:door}",
  statistic: "p(95)",
  at_most: 20,
  missed: "The HTTP door took {value} ms for the slowest 5 % of the requests, and may take 20 ms.",
  of: "door",
  kinds: UNLESS_BREAKPOINT,
};

export const DOOR_FAILED: Target = {
  metric: "http_req_failed{asked:door}",
  statistic: "rate",
  at_most: 0.001,
  missed: "Of all requests {value} had another answer than they had to have: 0.001 may.",
  of: "door",
  kinds: UNLESS_BREAKPOINT,
};

/** The measured scenarios of the door's callers: k6 tells dropped requests by scenario, not by tag. */
export const DOOR_SCENARIOS = ["single", "batch", "bad"] as const;

const DROPPED: readonly Target[] = DOOR_SCENARIOS.map((scenario) => ({
  metric: `dropped_iterations{scenario:${scenario}}`,
  statistic: "count",
  at_most: 0,
  missed:
    `{value} requests of the kind "${scenario}" were due and could not be sent: the load was ` +
    "not what it says.",
  of: "door",
  kinds: UNLESS_BREAKPOINT,
}));

export const EVENT_TO_ROW: Target = {
  metric: "platform_event_to_row_p99_seconds",
  statistic: "value",
  at_most: 1,
  missed: "The slowest 1 % of the ticks took {value} s to be rows, and may take 1 s.",
  kinds: UNLESS_BREAKPOINT,
};

export const BEHIND_AT_END: Target = {
  metric: "platform_seconds_behind_at_end",
  statistic: "value",
  at_most: 1,
  missed: "When the load had ended a consumer was {value} s behind, and may be 1 s.",
};

export const LEDGER: Target = {
  metric: "ledger",
  statistic: "differences",
  at_most: 0,
  missed: "The ledger has {value} differences and minutes that can't be judged: ticks may be lost.",
};

export const TARGETS: readonly Target[] = [
  DOOR_DURATION,
  DOOR_FAILED,
  ...DROPPED,
  {
    metric: "platform_feed_shortfall_ratio",
    statistic: "value",
    at_most: 0.03,
    missed: "{value} of the ticks that were due did not come: the load was not what it says.",
    of: "feed",
    // A ramp has no one rate to hold it against.
    kinds: ["smoke", "average", "soak"],
  },
  EVENT_TO_ROW,
  BEHIND_AT_END,
  {
    metric: "platform_memory_growth_ratio_per_hour",
    statistic: "value",
    at_most: 0.1,
    missed: "A service's memory grew by {value} of itself an hour, and may grow by 0.1: it leaks.",
    kinds: ["soak"],
  },
  LEDGER,
];

/**
 * The targets of a load.
 *
 * @param kind How it goes over time.
 * @param of Whether it comes through the HTTP door, or from a feed alone.
 */
export function targetsOf(kind: Kind, of: "door" | "feed"): Target[] {
  return TARGETS.filter((target) =>
    (target.kinds?.includes(kind) ?? true) && (target.of ?? of) === of
  );
}

/** The thresholds as k6's options have them: of what k6 itself measures or reads. */
export function thresholdsOf(
  targets: readonly Target[],
): NonNullable<Options["thresholds"]> {
  const of_k6 = targets.filter(({ metric }) => metric !== LEDGER.metric);
  return Object.fromEntries(of_k6.map((target) => [target.metric, [thresholdOf(target)]]));
}

/** A target as k6 writes it, and as people read it. */
export function thresholdOf({ statistic, at_most }: Target): string {
  return `${statistic}<=${at_most}`;
}
