/** What the platform promises under load: k6 gates on these, and nothing else names a limit. Pure. */

import type { Options } from "k6/options";
import type { Kind } from "./kinds.ts";

/** A promise, and the sentence for whoever reads that it was not kept. */
export interface Target {
  /** The metric in k6: its own, or one of load-tests/platform.ts. */
  metric: string;
  /** What k6 asks of it. */
  threshold: string;
  /** Said where it is missed; `{value}` stands for what was measured. */
  missed: string;
  /** Whether it is asked of loads that come through the HTTP door alone. */
  of_door?: true;
  /** Kinds of load that it is asked of; absent: all. */
  kinds?: readonly Kind[];
}

export const TARGETS: readonly Target[] = [
  {
    metric: "http_req_duration{asked:door}",
    threshold: "p(95)<=20",
    missed:
      "The HTTP door took {value} ms for the slowest 5 % of the requests, and may take 20 ms.",
    of_door: true,
  },
  {
    metric: "http_req_failed{asked:door}",
    threshold: "rate<0.001",
    missed: "Of all requests {value} had another answer than they had to have: 0.1 % may.",
    of_door: true,
  },
  {
    metric: "dropped_iterations",
    threshold: "count==0",
    missed: "{value} requests were due and could not be sent: the load was not what it says.",
    of_door: true,
    // A breakpoint goes on until something gives way.
    kinds: ["smoke", "average", "spike", "soak"],
  },
  {
    metric: "platform_event_to_row_p99_seconds",
    threshold: "value<=1",
    missed: "The slowest 1 % of the ticks took {value} s to be rows, and may take 1 s.",
  },
  {
    metric: "platform_seconds_behind_at_end",
    threshold: "value<=1",
    missed: "When the load had ended a consumer was {value} s behind, and may be 1 s.",
  },
  {
    metric: "platform_memory_growth_ratio_per_hour",
    threshold: "value<=0.1",
    missed: "A service's memory grew by {value} of itself an hour, and may grow by 0.1: it leaks.",
    kinds: ["soak"],
  },
];

/**
 * The targets of a load.
 *
 * @param kind How it goes over time.
 * @param has_door Whether any of it comes through the HTTP door.
 */
export function targetsOf(kind: Kind, has_door: boolean): Target[] {
  return TARGETS.filter(({ kinds, of_door }) =>
    (kinds?.includes(kind) ?? true) && (has_door || !of_door)
  );
}

/** The thresholds as k6's options have them. A breakpoint ends at the first that is missed. */
export function thresholdsOf(
  kind: Kind,
  targets: readonly Target[],
): NonNullable<Options["thresholds"]> {
  return Object.fromEntries(targets.map(({ metric, threshold }) => [
    metric,
    kind === "breakpoint" ? [{ threshold, abortOnFail: true, delayAbortEval: "10s" }] : [threshold],
  ]));
}
