/** Looks at how far the stages are, over the supervisor's own connections. */
import type { LocalConfig } from "./config.ts";
import { drain } from "./drain.ts";
import { groupPositions, oldestUnread, sinkPositions } from "./lag.ts";
import type { Connections } from "./prepare.ts";

/** How far the stages are. */
export interface StageProgress {
  /** Seconds since the ingest of the oldest tick that is not stored; 0 if all are. */
  behind_s(): Promise<number>;
  /**
   * Waits until the aggregator has taken every tick, and the sink has stored every tick and candle.
   *
   * @throws StartFault if nothing moves for a minute.
   */
  drained(stopping: AbortSignal): Promise<void>;
}

/**
 * Looks through the supervisor's connections.
 *
 * @param connections To Kafka and Postgres.
 * @param config Names of topics and groups.
 */
export function stageProgress(connections: Connections, config: LocalConfig): StageProgress {
  const { admin, reader, database, cluster_id } = connections;
  const { tick_topic, candle_topic, aggregator_group, sink_group } = config;

  /** What waits, in words; empty if nothing does. The order matters: the aggregator makes candles. */
  async function waiting(): Promise<string[]> {
    const aggregated = await groupPositions(admin, aggregator_group, tick_topic);
    const stored = await sinkPositions(database, sink_group, cluster_id, tick_topic);
    const candles = await sinkPositions(database, sink_group, cluster_id, candle_topic);
    const looks = [
      { what: "ticks for the aggregator", topic: tick_topic, positions: aggregated },
      { what: "ticks for the sink", topic: tick_topic, positions: stored },
      { what: "candles for the sink", topic: candle_topic, positions: candles },
    ];
    const texts: string[] = [];
    for (const { what, topic, positions } of looks) {
      if (await oldestUnread(reader, topic, positions) === null) continue;
      const offsets = [...positions].map(([partition, offset]) => `${partition}: ${offset}`);
      texts.push(`${what} (${topic}, next offsets ${offsets.join(", ") || "none"})`);
    }
    return texts;
  }

  async function lookBehind(): Promise<number> {
    const positions = await sinkPositions(database, sink_group, cluster_id, tick_topic);
    const oldest = await oldestUnread(reader, tick_topic, positions);
    return oldest === null ? 0 : Math.max(0, Date.now() - oldest) / 1_000;
  }

  let looking: Promise<number> | null = null;
  return {
    behind_s() {
      // One look at a time: while a server is away they would pile up.
      looking ??= lookBehind().finally(() => looking = null);
      return looking;
    },
    drained: (stopping) => drain(waiting, stopping),
  };
}
