/**
 * Scenario `ingest`: callers of POST /ticks, with single ticks and batches, good and bad. Of `mixed`
 * it is the half that comes through the door.
 */
import http from "k6/http";
import type { Options, Scenario } from "k6/options";
import { shapeOf } from "./kinds.ts";
import { look, lookAtEnd } from "./platform.ts";
import { closing, COMMON_OPTIONS, KIND, LOOKING, TICKS_PER_S, variable } from "./run.ts";
import type { SummaryData } from "./summary.ts";
import { targetsOf, thresholdsOf } from "./targets.ts";
import { badTick, goodTick } from "./ticks.ts";

const DOOR = variable("DOOR_URL");
const BATCH_TICKS = 100;
/** A twentieth of the ticks comes one by one: that is most of the requests. */
const SINGLES_PER_S = Math.max(1, Math.round(TICKS_PER_S / 20));
const BATCHES_PER_S = Math.max(1, Math.round((TICKS_PER_S - SINGLES_PER_S) / BATCH_TICKS));
const BAD_PER_S = Math.max(1, Math.round(SINGLES_PER_S / 100));
const TARGETS = targetsOf(KIND, true);

/** So many requests may be under way: a second's, and ten at least. */
const scenario = (exec: string, rate: number): Scenario =>
  shapeOf(KIND, exec, rate, Math.max(10, rate));

export const options: Options = {
  ...COMMON_OPTIONS,
  scenarios: {
    single: scenario("single", SINGLES_PER_S),
    batch: scenario("batch", BATCHES_PER_S),
    bad: scenario("bad", BAD_PER_S),
    look: LOOKING,
  },
  thresholds: thresholdsOf(KIND, TARGETS),
};

/** When the load began, for the closing look. */
export function setup(): { started_at_ms: number } {
  return { started_at_ms: Date.now() };
}

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
  lookAtEnd(started_at_ms);
}

/** The closing words, and the figures in a file. */
export function handleSummary(data: SummaryData): { [path: string]: string } {
  return closing(data, TARGETS);
}

/** Another answer than the expected one counts as failed. */
function post(body: unknown, expected_status: number): void {
  http.post(`${DOOR}/ticks`, JSON.stringify(body), {
    headers: { "content-type": "application/json" },
    tags: { asked: "door" },
    responseCallback: http.expectedStatuses(expected_status),
    responseType: "none",
    timeout: "10s",
  });
}
