/**
 * Scenarios `feed` and `replay`: ticks come from a feed and no HTTP is in the way. `deno task load` has
 * the platform make or replay them at the set rate; k6 looks, and gates on the same report.
 */
import type { Options } from "k6/options";
import { look, lookAtEnd } from "./platform.ts";
import { closing, COMMON_OPTIONS, KIND, LOOKING, measuredFrom, TICKS_PER_S } from "./run.ts";
import type { SummaryData } from "./summary.ts";
import { targetsOf, thresholdsOf } from "./targets.ts";

const TARGETS = targetsOf(KIND, "feed");

export const options: Options = {
  ...COMMON_OPTIONS,
  scenarios: { look: LOOKING },
  thresholds: thresholdsOf(TARGETS),
};

export const setup = measuredFrom;
export const watch = look;

/** The closing look. */
export function teardown({ started_at_ms }: { started_at_ms: number }): void {
  lookAtEnd(started_at_ms, TICKS_PER_S);
}

/** The figures, for the closing words. */
export function handleSummary(data: SummaryData): { [path: string]: string } {
  return closing(data, TARGETS);
}
