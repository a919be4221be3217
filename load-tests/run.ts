/** What `deno task load` tells a script, and what every script has in common. */
import { fail } from "k6";
import type { Scenario } from "k6/options";
import { DURATIONS_S, type Kind, KINDS, WARM_UP_S } from "./kinds.ts";
import { summarize, type SummaryData } from "./summary.ts";
import { LEDGER, type Target } from "./targets.ts";

const LOOK_INTERVAL = "5s";

/** A variable that must be set. */
export function variable(name: string): string {
  return __ENV[name] ?? fail(`${name} is not set: deno task load runs this script`);
}

export const KIND: Kind = KINDS.find((kind) => kind === variable("KIND")) ??
  fail(`KIND must be one of ${KINDS}`);
/** Of all that k6 sends itself or a feed is to bring: what the load begins with. */
export const TICKS_PER_S = Number(variable("TICKS_PER_S"));
export const DURATION_S = Number(__ENV.DURATION_S ?? DURATIONS_S[KIND]);

/** Looks at the platform every few seconds for as long as the load is measured. */
export const LOOKING: Scenario = {
  executor: "constant-arrival-rate",
  exec: "watch",
  startTime: `${WARM_UP_S}s`,
  duration: `${DURATION_S}s`,
  rate: 1,
  timeUnit: LOOK_INTERVAL,
  preAllocatedVUs: 2,
};

/** Options that do not depend on the load. */
export const COMMON_OPTIONS = {
  teardownTimeout: "90s",
  summaryTrendStats: ["med", "p(95)", "p(99)", "max"],
};

/** When the measured part begins, for the closing look. */
export function measuredFrom(): { started_at_ms: number } {
  return { started_at_ms: Date.now() + WARM_UP_S * 1_000 };
}

/** What goes where at the end: to `deno task load`, which has the ledger too, or on the screen. */
export function closing(data: SummaryData, targets: readonly Target[]): { [path: string]: string } {
  const path = __ENV.SUMMARY_PATH;
  if (path !== undefined) return { [path]: JSON.stringify(data, null, 2) };
  return { stdout: summarize(data, targets.filter(({ metric }) => metric !== LEDGER.metric)) };
}
