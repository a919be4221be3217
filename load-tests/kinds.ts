/** How a load goes over time: k6's scenarios, by kind. Open models: a slow platform gets no less. Pure. */
import type { ConstantArrivalRateScenario, RampingArrivalRateScenario } from "k6/options";

export const KINDS = ["smoke", "average", "spike", "soak", "breakpoint"] as const;
export type Kind = typeof KINDS[number];

/** A k6 scenario: how many iterations are due when. */
export type Shape = ConstantArrivalRateScenario | RampingArrivalRateScenario;

/** How long each kind loads the platform, seconds. */
export const DURATIONS_S: { readonly [kind in Kind]: number } = {
  smoke: 20,
  average: 300,
  spike: 150,
  soak: 1_800,
  breakpoint: 600,
};

/**
 * The shape of a scenario.
 *
 * @param kind Which.
 * @param exec The function that is an iteration.
 * @param rate Iterations a second: of a spike and a breakpoint, those it begins with.
 * @param virtual_users Most that may be under way; all are made before the start.
 */
export function shapeOf(
  kind: Kind,
  exec: string,
  rate: number,
  virtual_users: number,
): Shape {
  const common = { exec, timeUnit: "1s", preAllocatedVUs: virtual_users, maxVUs: virtual_users };
  const duration_s = DURATIONS_S[kind];
  if (kind === "spike") {
    // A third of the time as on other days, then ten times as much within seconds, then as before.
    return {
      executor: "ramping-arrival-rate",
      startRate: rate,
      stages: [
        { target: rate, duration: `${duration_s / 3}s` },
        { target: rate * 10, duration: "5s" },
        { target: rate * 10, duration: `${duration_s / 3 - 10}s` },
        { target: rate, duration: "5s" },
        { target: rate, duration: `${duration_s / 3}s` },
      ],
      ...common,
    };
  }
  if (kind === "breakpoint") {
    return {
      executor: "ramping-arrival-rate",
      startRate: rate,
      stages: [{ target: rate * 40, duration: `${duration_s}s` }],
      ...common,
    };
  }
  return { executor: "constant-arrival-rate", rate, duration: `${duration_s}s`, ...common };
}
