/** How a load goes over time: k6's scenarios, by kind. Open models: a slow platform gets no less. Pure. */
import type { ConstantArrivalRateScenario, RampingArrivalRateScenario } from "k6/options";

export const KINDS = ["smoke", "average", "spike", "soak", "breakpoint"] as const;
export type Kind = typeof KINDS[number];

/** A k6 scenario: how many iterations are due when. */
export type Shape = ConstantArrivalRateScenario | RampingArrivalRateScenario;

/** How long each kind loads the platform unless said otherwise, seconds. */
export const DURATIONS_S: { readonly [kind in Kind]: number } = {
  smoke: 20,
  average: 300,
  spike: 150,
  soak: 1_800,
  breakpoint: 600,
};

/**
 * For so long before it is measured a load is sent at its first rate: a process that has just started
 * has compiled nothing yet, and its users are those of the hours after.
 */
export const WARM_UP_S = 30;
/** How far the rate rises above the first one. */
export const RISES: { readonly [kind in Kind]: number } = {
  smoke: 1,
  average: 1,
  soak: 1,
  spike: 10,
  breakpoint: 40,
};
/** A spike comes within this time, and goes within it. */
const SPIKE_EDGE_S = 5;
/** k6 takes whole numbers: over this span a rate has one. */
const RATE_UNIT_S = 10;
/** Most that may be under way: a virtual user takes a megabyte or two of memory. */
const VIRTUAL_USERS_MAX = 500;

/** The stages of a load after its warm-up: rates as multiples of the first, each reached at its end. */
export function stagesOf(kind: Kind, duration_s: number): { times: number; seconds: number }[] {
  const times = RISES[kind];
  const third_s = duration_s / 3;
  switch (kind) {
    case "spike":
      return [
        { times: 1, seconds: third_s },
        { times, seconds: SPIKE_EDGE_S },
        { times, seconds: third_s - 2 * SPIKE_EDGE_S },
        { times: 1, seconds: SPIKE_EDGE_S },
        { times: 1, seconds: third_s },
      ];
    case "breakpoint":
      return [{ times, seconds: duration_s }];
    default:
      return [{ times: 1, seconds: duration_s }];
  }
}

/** What a load is made of. */
export interface ShapeOptions {
  kind: Kind;
  duration_s: number;
  /** Iterations a second: of a spike and a breakpoint, those it begins with. */
  rate: number;
  /** The function that is an iteration. */
  exec: string;
}

/**
 * The measured part of a load: its requests are tagged `asked: door`.
 *
 * @param options What it is made of.
 */
export function shapeOf({ kind, duration_s, rate, exec }: ShapeOptions): Shape {
  const common = {
    ...commonOf(exec, rate * RISES[kind], "door"),
    startTime: `${WARM_UP_S}s`,
  };
  if (RISES[kind] === 1) {
    return {
      executor: "constant-arrival-rate",
      rate: inUnits(rate),
      duration: `${duration_s}s`,
      ...common,
    };
  }
  return {
    executor: "ramping-arrival-rate",
    startRate: inUnits(rate),
    stages: stagesOf(kind, duration_s).map(({ times, seconds }) => ({
      target: inUnits(rate * times),
      duration: `${seconds}s`,
    })),
    ...common,
  };
}

/**
 * The warm-up of a load: the same requests at the first rate, tagged `asked: warm`, and gated by
 * nothing.
 *
 * @param options What the load is made of.
 */
export function warmUpOf({ rate, exec }: ShapeOptions): Shape {
  return {
    executor: "constant-arrival-rate",
    rate: inUnits(rate),
    duration: `${WARM_UP_S}s`,
    ...commonOf(exec, rate, "warm"),
  };
}

/** @param peak_rate As many iterations may be under way as come in a second. */
function commonOf(exec: string, peak_rate: number, asked: "door" | "warm") {
  const users = Math.min(VIRTUAL_USERS_MAX, Math.max(10, Math.ceil(peak_rate)));
  return {
    exec,
    timeUnit: `${RATE_UNIT_S}s`,
    preAllocatedVUs: users,
    maxVUs: users,
    tags: { asked },
  };
}

function inUnits(rate: number): number {
  return Math.max(1, Math.round(rate * RATE_UNIT_S));
}
