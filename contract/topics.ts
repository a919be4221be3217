/** The topics: default names, partitions, and what they need of the broker. */
import type { TopicRole } from "./pipeline.ts";
import { DEAD_LETTER_EXTRA_BYTES } from "./dead_letter.ts";

/** Largest record batch that the tick topic takes, in bytes (Kafka's own default). */
export const TICK_RECORD_BYTES_MAX = 1_048_588;

/** What a topic is made with. */
export interface TopicShape {
  topic: string;
  partitions: number;
  settings: { [name: string]: string };
}

/** Names and retention, as configured. */
export interface TopicChoices {
  names: { [role in TopicRole]: string };
  tick_partitions: number;
  retention_ms: number;
}

/** The names that stand unless config says otherwise. */
export const DEFAULT_TOPIC_NAMES: { [role in TopicRole]: string } = {
  ticks: "raw-market-data",
  candles: "aggregated-metrics",
  alerts: "price-alerts",
  dead_letters: "dead-letter-queue",
};

/**
 * The topics to make, with their settings.
 *
 * @param choices Names and retention, as configured.
 */
export function topicShapes(choices: TopicChoices): { [role in TopicRole]: TopicShape } {
  const expiring = { "cleanup.policy": "delete", "retention.ms": String(choices.retention_ms) };
  return {
    ticks: {
      topic: choices.names.ticks,
      partitions: choices.tick_partitions,
      settings: { ...expiring, "max.message.bytes": String(TICK_RECORD_BYTES_MAX) },
    },
    candles: {
      topic: choices.names.candles,
      // The state of input partition p is in output partition p, so the counts are one.
      partitions: choices.tick_partitions,
      // It is the aggregator's state, so it is compacted and never expires by age.
      settings: { "cleanup.policy": "compact", "segment.ms": "3600000" },
    },
    alerts: { topic: choices.names.alerts, partitions: 2, settings: expiring },
    dead_letters: {
      topic: choices.names.dead_letters,
      partitions: 1,
      settings: {
        ...expiring,
        "max.message.bytes": String(TICK_RECORD_BYTES_MAX + DEAD_LETTER_EXTRA_BYTES),
      },
    },
  };
}
