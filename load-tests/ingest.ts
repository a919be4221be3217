/**
 * Scenario `ingest`: callers of POST /ticks, with single ticks and batches, good and bad. Of `mixed`
 * it is the half that comes through the door.
 */
import http from "k6/http";
import type { Options, Scenario } from "k6/options";
import { shapeOf, warmUpOf } from "./kinds.ts";
import { look, lookAtEnd } from "./platform.ts";
import {
  closing,
  COMMON_OPTIONS,
  DURATION_S,
  KIND,
  LOOKING,
  measuredFrom,
  TICKS_PER_S,
  variable,
} from "./run.ts";
import type { SummaryData } from "./summary.ts";
import { type DOOR_SCENARIOS, targetsOf, thresholdsOf } from "./targets.ts";
import { badTick, goodTick } from "./ticks.ts";

const DOOR = variable("DOOR_URL");
const TOKEN = __ENV.TAPELINE_HTTP_TOKEN;
const BATCH_TICKS = 100;
/** A twentieth of the ticks comes one by one: that is most of the requests. */
const SINGLES_PER_S = TICKS_PER_S / 20;
const BATCHES_PER_S = (TICKS_PER_S - SINGLES_PER_S) / BATCH_TICKS;
const BAD_PER_S = SINGLES_PER_S / 100;
const TARGETS = targetsOf(KIND, "door");
const RATES: { readonly [exec in typeof DOOR_SCENARIOS[number]]: number } = {
  single: SINGLES_PER_S,
  batch: BATCHES_PER_S,
  bad: BAD_PER_S,
};

/** Each kind of request as often as it is due: first warm, then measured. */
const SCENARIOS: { [name: string]: Scenario } = Object.fromEntries(
  Object.entries(RATES).flatMap(([exec, rate]) => {
    const shape = { kind: KIND, duration_s: DURATION_S, rate, exec };
    return [[`warm_${exec}`, warmUpOf(shape)], [exec, shapeOf(shape)]];
  }),
);

export const options: Options = {
  ...COMMON_OPTIONS,
  scenarios: { ...SCENARIOS, look: LOOKING },
  thresholds: thresholdsOf(TARGETS),
};

export const setup = measuredFrom;

/** One tick by itself. */
export function single(): void {
  post(goodTick(__ITER, Date.now()), 202);
}

/** A hundred ticks at once. */
export function batch(): void {
  const now_ms = Date.now();
  const first = __ITER * BATCH_TICKS;
  post(Array.from({ length: BATCH_TICKS }, (_, at) => goodTick(first + at, now_ms)), 202);
}

/** A bad tick beside a good one: the good one is taken, the bad one is named. */
export function bad(): void {
  const now_ms = Date.now();
  post([goodTick(__ITER, now_ms), badTick(__ITER, now_ms)], 400);
}

export const watch = look;

/** The closing look. */
export function teardown({ started_at_ms }: { started_at_ms: number }): void {
  lookAtEnd(started_at_ms, null);
}

/** The figures, for the closing words. */
export function handleSummary(data: SummaryData): { [path: string]: string } {
  return closing(data, TARGETS);
}

/** Another answer than the expected one counts as failed. Its scenario says whether it is measured. */
function post(body: unknown, expected_status: number): void {
  http.post(`${DOOR}/ticks`, JSON.stringify(body), {
    headers: {
      "content-type": "application/json",
      ...(TOKEN === undefined ? {} : { authorization: `Bearer ${TOKEN}` }),
    },
    responseCallback: http.expectedStatuses(expected_status),
    responseType: "none",
    timeout: "10s",
  });
}
