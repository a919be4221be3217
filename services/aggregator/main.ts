/** The aggregator: ticks into candles, in event time, exactly once. */
import { PIPELINE } from "../../contract/pipeline.ts";
import { createKafka } from "../../runtime/kafka.ts";
import { openFencer } from "../../runtime/kafka_fence.ts";
import { openReader } from "../../runtime/kafka_reader.ts";
import { runService } from "../../runtime/service.ts";
import { watchForStuck } from "../../runtime/stuck.ts";
import { SetupError } from "../../runtime/setup_error.ts";
import { SETTINGS } from "./config.ts";
import { startConsumer } from "./consume.ts";
import { METRICS } from "./metrics.ts";
import { committedOffsets, type TakeoverOptions } from "./takeover.ts";

const { name } = PIPELINE[1];

await runService({
  name,
  settings: SETTINGS,
  metrics: METRICS,
  async start({ config, log, metrics, stopping, fail }) {
    const kafka_options = {
      bootstrap_servers: config.kafka_bootstrap_servers,
      client_id: name,
      log,
    };
    const kafka = createKafka(kafka_options);
    const admin = kafka.admin();
    await admin.connect();
    const reader = await openReader(kafka_options);
    const fencer = await openFencer(kafka_options);
    const partitions = await equalPartitions(reader, config.tick_topic, config.candle_topic);

    const takeover: TakeoverOptions = {
      kafka,
      admin,
      reader,
      fencer,
      group: config.consumer_group,
      tick_topic: config.tick_topic,
      candle_topic: config.candle_topic,
      dead_letter_topic: config.dead_letter_topic,
      partitions,
      rules: config,
    };
    const consumer = await startConsumer({
      kafka,
      log,
      metrics,
      stopping,
      fail,
      fetch_wait_ms: config.fetch_wait_ms,
      session_timeout_ms: config.session_timeout_ms,
      takeover,
      worker: {
        group: config.consumer_group,
        names: { stage: name, ...config },
        compression: config.kafka_compression,
        flush_interval_ms: config.flush_interval_ms,
        flush_interval_max_ms: config.flush_interval_max_ms,
      },
    });

    const watch = watchForStuck({
      stuck_after_ms: config.stuck_after_ms,
      group: config.consumer_group,
      topic: config.tick_topic,
      reader,
      membership: consumer.membership,
      async positions() {
        const offsets = await committedOffsets(takeover);
        return new Map(offsets.map(({ partition, offset }) => [
          `${config.tick_topic}/${partition}`,
          BigInt(offset),
        ]));
      },
      isTroubled: () => consumer.troubles().length > 0 || consumer.isTakingOver(),
      log,
      stopping,
      onStuck(error) {
        metrics.errors.inc({ kind: "stuck" });
        fail(error);
      },
    });

    return {
      readiness() {
        const reasons = consumer.faults();
        return { ready: reasons.length === 0, reasons };
      },
      async stop() {
        await consumer.stop();
        await watch;
        await reader.close();
        await fencer.close();
        await admin.disconnect();
      },
    };
  },
});

/** State of input partition p is in output partition p: unequal counts can't work. */
async function equalPartitions(
  reader: { partitions(topic: string): Promise<number> },
  tick_topic: string,
  candle_topic: string,
): Promise<number> {
  const ticks = await reader.partitions(tick_topic);
  const candles = await reader.partitions(candle_topic);
  if (ticks === 0 || ticks !== candles) {
    throw new SetupError(
      `Topic ${tick_topic} has ${ticks} partitions and topic ${candle_topic} has ${candles}: the ` +
        "aggregator needs both, with equal counts, since its state lies beside its output",
    );
  }
  return ticks;
}
