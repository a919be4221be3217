/** Watches how far the stages come, past the proxies: the longest stall, the time to recover. */
import { sleep, withDeadline } from "../../runtime/backoff.ts";
import { groupPositions, sinkPositions } from "../local/lag.ts";
import { LOAD_TICKS_PER_S, type Platform } from "./platform.ts";

/** How far the stages have come, and could: next offsets by partition. */
interface Places {
  aggregated: bigint[];
  stored: bigint[];
  ends: bigint[];
}

const STAGES = ["aggregated", "stored"] as const;

/** What is watched. */
export interface Watch {
  /** Longest time in which a stage did not move in a partition where ticks waited, ms. */
  longestStallMs(): number;
  /** Longest time that catching up took, ms. */
  longestRecoveryMs(): number;
  /** Positions that went back, in words. */
  setbacks(): string[];
  /** Newest sight of how many ticks are stored. */
  stored(): bigint;
  /** Newest sight of how many ticks Kafka has. */
  sent(): bigint;
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
  /** When a place of a stage moved last, or had nothing before it. */
  const moved_at_ms = new Map<string, number>();
  const watching = watch();

  async function watch(): Promise<void> {
    while (!over.signal.aborted) {
      const places = await withDeadline(look(platform), LOOK_DEADLINE_MS, "A look at the stages")
        // A server is away: nothing moves then.
        .catch(() => null);
      if (places !== null) note(places);
      for (const at_ms of moved_at_ms.values()) {
        longest_stall_ms = Math.max(longest_stall_ms, performance.now() - at_ms);
      }
      await sleep(LOOK_INTERVAL_MS, over.signal);
    }
  }

  function note(places: Places): void {
    for (const stage of STAGES) {
      for (const [partition, offset] of places[stage].entries()) {
        const before = seen?.[stage][partition] ?? 0n;
        const place = `partition ${partition}, ${stage}`;
        if (offset < before) setbacks.push(`${place}: went back from ${before} to ${offset}`);
        const waits = offset < places.ends[partition]!;
        if (offset > before || !waits || !moved_at_ms.has(place)) {
          moved_at_ms.set(place, performance.now());
        }
      }
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
    stored: () => sum(seen?.stored ?? []),
    sent: () => sum(seen?.ends ?? []),
    async caughtUp(deadline_ms = RECOVERY_DEADLINE_MS) {
      // What was seen before the fault was over says nothing.
      const started_at_ms = performance.now();
      await Promise.race([looked.promise, sleep(deadline_ms)]);
      const ends = seen?.ends ?? [];
      await until(
        (places) =>
          STAGES.every((stage) =>
            sum(places.ends) - sum(places[stage]) < LOAD_TICKS_PER_S &&
            ends.every((end, partition) => places[stage][partition]! >= end)
          ),
        "the stages to catch up",
        deadline_ms,
      );
      longest_recovery_ms = Math.max(longest_recovery_ms, performance.now() - started_at_ms);
    },
    async moves(ticks, deadline_ms) {
      await until(() => true, "a first look", deadline_ms);
      const from = seen!;
      await until(
        (places) => STAGES.every((stage) => sum(places[stage]) - sum(from[stage]) >= ticks),
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
  return {
    aggregated: ends.map((_, partition) => aggregator.get(partition) ?? 0n),
    stored: ends.map((_, partition) => sink.get(partition) ?? 0n),
    ends,
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
