/** What `deno task load` tells a script, and what every script has in common. */
import { fail } from "k6";
import type { Scenario } from "k6/options";
import { DURATIONS_S, type Kind, KINDS } from "./kinds.ts";
import { summarize, type SummaryData } from "./summary.ts";
import { type Target } from "./targets.ts";

const LOOK_INTERVAL = "5s";

/** A variable that must be set. */
export function variable(name: string): string {
  return __ENV[name] ?? fail(`${name} is not set: deno task load runs this script`);
}

export const KIND: Kind = KINDS.find((kind) => kind === variable("KIND")) ??
  fail(`KIND must be one of ${KINDS}`);
export const TICKS_PER_S = Number(variable("TICKS_PER_S"));

/** Looks at the platform every few seconds for as long as the load lasts. */
export const LOOKING: Scenario = {
  ...{ executor: "constant-arrival-rate", exec: "watch", duration: `${DURATIONS_S[KIND]}s` },
  ...{ rate: 1, timeUnit: LOOK_INTERVAL, preAllocatedVUs: 1 },
};

/** Options that do not depend on the load. */
export const COMMON_OPTIONS = {
  teardownTimeout: "90s",
  summaryTrendStats: ["med", "p(95)", "p(99)", "max"],
};

/** What goes where at the end. */
export function closing(data: SummaryData, targets: readonly Target[]): { [path: string]: string } {
  return {
    stdout: summarize(data, targets),
    [variable("SUMMARY_PATH")]: JSON.stringify(data, null, 2),
  };
}
