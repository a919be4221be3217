/**
 * Scenario `feed`: ticks come from a feed and no HTTP is in the way. `deno task load` has the platform
 * make or replay them at the set rate; k6 looks, and gates on the same report.
 */
import type { Options } from "k6/options";
import { look, lookAtEnd } from "./platform.ts";
import { closing, COMMON_OPTIONS, KIND, LOOKING } from "./run.ts";
import type { SummaryData } from "./summary.ts";
import { targetsOf, thresholdsOf } from "./targets.ts";

const TARGETS = targetsOf(KIND, false);

export const options: Options = {
  ...COMMON_OPTIONS,
  scenarios: { look: LOOKING },
  thresholds: thresholdsOf(KIND, TARGETS),
};

/** When the load began, for the closing look. */
export function setup(): { started_at_ms: number } {
  return { started_at_ms: Date.now() };
}

export const watch = look;

/** The closing look. */
export function teardown({ started_at_ms }: { started_at_ms: number }): void {
  lookAtEnd(started_at_ms);
}

/** The closing words, and the figures in a file. */
export function handleSummary(data: SummaryData): { [path: string]: string } {
  return closing(data, TARGETS);
}
