/** The topics as configured: for whoever makes them, here or in a container. */
import { topicShapes } from "../contract/topics.ts";
import type { Config } from "../runtime/config.ts";
import type { KAFKA_SETTINGS, TOPIC_SETTINGS } from "../runtime/settings.ts";

/** What decides names, partitions and retention. */
export type TopicConfig =
  & Pick<
    Config<typeof KAFKA_SETTINGS>,
    "tick_topic" | "candle_topic" | "alert_topic" | "dead_letter_topic"
  >
  & Config<typeof TOPIC_SETTINGS>;

/** The topics as configured. */
export function configuredTopics(config: TopicConfig): ReturnType<typeof topicShapes> {
  return topicShapes({
    names: {
      ticks: config.tick_topic,
      candles: config.candle_topic,
      alerts: config.alert_topic,
      dead_letters: config.dead_letter_topic,
    },
    tick_partitions: config.tick_partitions,
    retention_ms: config.topic_retention_hours * 3_600_000,
  });
}
