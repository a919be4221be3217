/** Watches how far the stages come, past the proxies: the longest stall, the time to recover. */
import { sleep, withDeadline } from "../../runtime/backoff.ts";
import { groupPositions, sinkPositions } from "../local/lag.ts";
import { LOAD_TICKS_PER_S, type Platform } from "./platform.ts";

/** How far the stages have come, in records. */
interface Places {
  /** Ticks behind the aggregator and behind the sink. */
  aggregator_behind: number;
  sink_behind: number;
  /** Sums of positions: they only grow. */
  aggregated: bigint;
  stored: bigint;
  /** Where each partition ends, and where its slowest stage is. */
  ends: bigint[];
  slowest: bigint[];
}

/** What is watched. */
export interface Watch {
  /** Longest time in which a stage did not move, ms. */
  longestStallMs(): number;
  /** Longest time that catching up took, ms. */
  longestRecoveryMs(): number;
  /** Positions that went back, in words. */
  setbacks(): string[];
  /** Newest sight of how many ticks are stored. */
  stored(): bigint;
  /**
   * Resolves when the stages have passed where each partition ends now, and are less than a second
   * of load behind: called when a fault is over.
   */
  caughtUp(deadline_ms?: number): Promise<void>;
  /** Resolves when so many more ticks are in windows and in rows. */
  moves(ticks: number, deadline_ms: number): Promise<void>;
  stop(): Promise<void>;
}

const RECOVERY_DEADLINE_MS = 120_000;
const LOOK_INTERVAL_MS = 100;
const LOOK_DEADLINE_MS = 5_000;

/** Starts to watch. */
export function startWatch(platform: Platform): Watch {
  const over = new AbortController();
  const setbacks: string[] = [];
  let longest_stall_ms = 0;
  let longest_recovery_ms = 0;
  let seen: Places | null = null;
  let looked = Promise.withResolvers<void>();
  const moved_at_ms = { aggregated: performance.now(), stored: performance.now() };
  const watching = watch();

  async function watch(): Promise<void> {
    while (!over.signal.aborted) {
      const places = await withDeadline(look(platform), LOOK_DEADLINE_MS, "A look at the stages")
        // A server is away: nothing moves then.
        .catch(() => null);
      if (places !== null) note(places);
      for (const what of ["aggregated", "stored"] as const) {
        longest_stall_ms = Math.max(longest_stall_ms, performance.now() - moved_at_ms[what]);
      }
      await sleep(LOOK_INTERVAL_MS, over.signal);
    }
  }

  function note(places: Places): void {
    for (const what of ["aggregated", "stored"] as const) {
      const before = seen?.[what] ?? 0n;
      if (places[what] < before) setbacks.push(`${what} went back: ${before} → ${places[what]}`);
      if (places[what] > before) moved_at_ms[what] = performance.now();
    }
    seen = places;
    looked.resolve();
    looked = Promise.withResolvers();
  }

  async function until(is: (places: Places) => boolean, what: string, deadline_ms: number) {
    const started_at_ms = performance.now();
    while (seen === null || !is(seen)) {
      const left_ms = deadline_ms - (performance.now() - started_at_ms);
      if (left_ms <= 0) {
        throw new Error(`Not within ${deadline_ms / 1000} s: ${what}; seen: ${shown(seen)}`);
      }
      await Promise.race([looked.promise, sleep(Math.min(left_ms, 1_000))]);
    }
    return performance.now() - started_at_ms;
  }

  return {
    longestStallMs: () => longest_stall_ms,
    longestRecoveryMs: () => longest_recovery_ms,
    setbacks: () => setbacks,
    stored: () => seen?.stored ?? 0n,
    async caughtUp(deadline_ms = RECOVERY_DEADLINE_MS) {
      // What was seen before the fault was over says nothing.
      const started_at_ms = performance.now();
      await Promise.race([looked.promise, sleep(deadline_ms)]);
      const ends = seen?.ends ?? [];
      await until(
        ({ aggregator_behind, sink_behind, slowest }) =>
          Math.max(aggregator_behind, sink_behind) < LOAD_TICKS_PER_S &&
          ends.every((end, partition) => slowest[partition]! >= end),
        "the stages to catch up",
        deadline_ms,
      );
      longest_recovery_ms = Math.max(longest_recovery_ms, performance.now() - started_at_ms);
    },
    async moves(ticks, deadline_ms) {
      await until(() => true, "a first look", deadline_ms);
      const from = seen!;
      await until(
        ({ stored, aggregated }) =>
          Number(stored - from.stored) >= ticks && Number(aggregated - from.aggregated) >= ticks,
        `${ticks} more ticks to come through`,
        deadline_ms,
      );
    },
    async stop() {
      over.abort();
      await watching;
    },
  };
}

async function look({ config, connections }: Platform): Promise<Places> {
  const { admin, reader, database, cluster_id } = connections;
  const { tick_topic, aggregator_group, sink_group, tick_partitions } = config;
  const ends: bigint[] = [];
  for (let partition = 0; partition < tick_partitions; partition++) {
    ends.push((await reader.ends(tick_topic, partition)).last_stable);
  }
  const aggregator = await groupPositions(admin, aggregator_group, tick_topic);
  const sink = await sinkPositions(database, sink_group, cluster_id, tick_topic);
  const aggregated = sum(aggregator.values());
  const stored = sum(sink.values());
  return {
    aggregated,
    stored,
    ends,
    slowest: ends.map((_, partition) => {
      const positions = [aggregator.get(partition) ?? 0n, sink.get(partition) ?? 0n];
      return positions[0]! < positions[1]! ? positions[0]! : positions[1]!;
    }),
    aggregator_behind: Number(sum(ends) - aggregated),
    sink_behind: Number(sum(ends) - stored),
  };
}

function sum(offsets: Iterable<bigint>): bigint {
  return [...offsets].reduce((total, offset) => total + offset, 0n);
}

function shown(places: Places | null): string {
  return places === null
    ? "nothing"
    : Object.entries(places).map(([name, value]) => `${name} ${value}`).join(", ");
}
