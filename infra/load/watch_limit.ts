/** Looks at a load that rises until a promise is not kept. */
import { WARM_UP_S } from "../../load-tests/kinds.ts";
import { sleep } from "../../runtime/backoff.ts";
import { K6_QUERIES, LOAD_QUERIES } from "../../dashboards/load.ts";
import { LAG_QUERIES } from "../../dashboards/lag.ts";
import { PRODUCER_QUERIES } from "../../dashboards/producer.ts";
import { alertScope } from "../../dashboards/query.ts";
import { SINK_QUERIES } from "../../dashboards/sink.ts";
import { type Limit, limitOf, type LoadFigures } from "./limit.ts";
import type { MachineLook } from "./machine.ts";
import { ask, type Sample } from "./prometheus.ts";

/** With each scrape. */
const LOOK_INTERVAL_MS = 5_000;
/** Three scrapes: what is longer ago belongs to a lower rate. */
const SCOPE = alertScope("15s");
/** One look may meet a moment in which a process tidies up its memory. */
const LOOKS_IN_A_ROW = 2;

/** Where to look. */
export interface WatchOptions {
  prometheus_url: string;
  /** Looks at the machine, and at parts that tell Prometheus nothing: k6, Postgres. */
  lookAtMachine(): MachineLook;
  /** Told at each look. */
  tell(line: string): void;
  /** Ends the watch. */
  signal: AbortSignal;
}

/**
 * Watches until a promise is not kept at two looks in a row.
 *
 * @param options Where to look.
 * @returns Where that was; null where the signal came first.
 */
export async function watchForLimit(options: WatchOptions): Promise<Limit | null> {
  const { prometheus_url, lookAtMachine, tell, signal } = options;
  let in_a_row = 0;
  await sleep(WARM_UP_S * 1_000, signal);
  for (;;) {
    await sleep(LOOK_INTERVAL_MS, signal);
    if (signal.aborted) return null;
    const figures = await figuresOf(prometheus_url, lookAtMachine());
    if (figures === null) continue;
    const limit = limitOf(figures);
    tell(limit?.sentence ?? `${Math.round(figures.ticks_per_s)} ticks/s: all is kept`);
    in_a_row = limit === null ? 0 : in_a_row + 1;
    if (limit !== null && in_a_row === LOOKS_IN_A_ROW) return limit;
  }
}

async function figuresOf(
  url: string,
  look: MachineLook,
): Promise<LoadFigures | null> {
  const one = async (query: string): Promise<number | null> =>
    (await ask(url, query)).at(0)?.value ?? null;
  const ticks_per_s = await one(PRODUCER_QUERIES.sent(SCOPE));
  if (ticks_per_s === null) return null;
  const door_p95_s = await one(K6_QUERIES.door_p95(SCOPE));
  const cores = byLabel(await ask(url, LOAD_QUERIES.cpu(SCOPE)), "service");
  return {
    ticks_per_s,
    door_p95_ms: door_p95_s === null ? null : door_p95_s * 1_000,
    door_failed_ratio: await one(K6_QUERIES.door_failed(SCOPE)),
    dropped_per_s: await one(K6_QUERIES.dropped(SCOPE)),
    event_to_row_p99_s: await one(SINK_QUERIES.age_p99(SCOPE)),
    seconds_behind: byLabel(await ask(url, LAG_QUERIES.seconds(SCOPE)), "group"),
    cores: { ...cores, ...look.cores },
    machine: look.machine,
  };
}

function byLabel(samples: readonly Sample[], label: string): { [name: string]: number } {
  return Object.fromEntries(samples.map(({ labels, value }) => [labels[label] ?? "", value]));
}
