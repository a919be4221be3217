/**
 * What the platform says of itself, read from its Prometheus while k6 runs: k6's own clock ends at the
 * answer, and a tick's way goes on from there.
 */
import { fail, sleep } from "k6";
import http from "k6/http";
import { Gauge } from "k6/metrics";
import { type PlatformQueries, WINDOW } from "./queries.ts";
import { variable } from "./run.ts";

const PROMETHEUS = variable("PROMETHEUS_URL");
/** The boards' own, generated: k6 can't load what they are made with. */
const QUERIES: PlatformQueries = JSON.parse(open("../infra/generated/load/queries.json"));
const CATCH_UP_DEADLINE_S = 60;
const ASK_INTERVAL_S = 1;
/** Requests of ours to Prometheus are none of the platform's callers. */
const ASKING = { tags: { asked: "prometheus" } };

const event_to_row = new Gauge("platform_event_to_row_p99_seconds");
const behind = new Gauge("platform_seconds_behind");
const feed_shortfall = new Gauge("platform_feed_shortfall_ratio");
const memory_growth = new Gauge("platform_memory_growth_ratio_per_hour");
const behind_at_end = new Gauge("platform_seconds_behind_at_end");

/** One look at the platform, as a scenario of its own takes it every few seconds. */
export function look(): void {
  const seconds = greatest(QUERIES.seconds_behind);
  if (seconds !== null) behind.add(seconds);
}

/**
 * The closing look, once the load has ended: waits until all is caught up, and says what the whole run
 * was like.
 *
 * @param started_at_ms When the measured part began.
 * @param feed_ticks_per_s What a feed had to bring, and still does; null where callers sent the ticks.
 */
export function lookAtEnd(started_at_ms: number, feed_ticks_per_s: number | null): void {
  let seconds = Infinity;
  for (let waited_s = 0; waited_s < CATCH_UP_DEADLINE_S; waited_s += ASK_INTERVAL_S) {
    sleep(ASK_INTERVAL_S);
    seconds = greatest(QUERIES.seconds_behind) ?? Infinity;
    if (seconds <= 1) break;
  }
  behind_at_end.add(seconds);
  const elapsed_s = (Date.now() - started_at_ms) / 1_000;
  const over = (query: string, span_s: number): number | null =>
    greatest(query.replaceAll(WINDOW, `${Math.ceil(span_s)}s`));
  if (feed_ticks_per_s !== null) {
    const came = over(QUERIES.ticks_per_s, elapsed_s) ?? 0;
    feed_shortfall.add(Math.max(0, 1 - came / feed_ticks_per_s));
  }
  // Nothing was stored at all: that is no latency to be pleased with.
  event_to_row.add(over(QUERIES.event_to_row_p99, elapsed_s) ?? Infinity);
  // Memory grows at first in any process: the second half tells.
  memory_growth.add(over(QUERIES.memory_growth, elapsed_s / 2) ?? Infinity);
}

/** The greatest of what a query answers; null where it answers nothing. */
function greatest(query: string): number | null {
  const url = `${PROMETHEUS}/api/v1/query?query=${encodeURIComponent(query)}`;
  const response = http.get(url, ASKING);
  if (response.status !== 200) {
    fail(`Prometheus answered ${response.status} to ${query}: ${response.body}`);
  }
  const { data } = response.json() as { data: { result: { value: [number, string] }[] } };
  const values = data.result.map(({ value }) => Number(value[1])).filter(Number.isFinite);
  return values.length === 0 ? null : Math.max(...values);
}
