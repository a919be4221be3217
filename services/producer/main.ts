/** The producer: from the sources through one queue into Kafka. */
import { createKafka, type KafkaOptions } from "../../runtime/kafka.ts";
import { openReader } from "../../runtime/kafka_reader.ts";
import { openSender } from "../../runtime/kafka_sender.ts";
import { exemplarOf } from "../../runtime/spans.ts";
import { type RunningWork, runService, type ServiceContext } from "../../runtime/service.ts";
import { createBatcher } from "./batch.ts";
import { checkConfig, SETTINGS } from "./config.ts";
import { createDispatcher } from "./dispatcher.ts";
import { createDoor } from "./door.ts";
import { startProbe } from "./kafka_probe.ts";
import { createLoadQueue } from "./load_queue.ts";
import { METRICS } from "./metrics.ts";
import { createReceipts } from "./receipts.ts";
import type { Source } from "./sources/source.ts";
import { SOURCES } from "./sources/table.ts";
import { tickPartitions } from "./topic_partitions.ts";

const NAME = "producer";

async function start(
  { config, log, metrics, stopping, fail }: ServiceContext<typeof SETTINGS, typeof METRICS>,
): Promise<RunningWork> {
  checkConfig(config);
  const kafka_options: KafkaOptions = {
    bootstrap_servers: config.kafka_bootstrap_servers,
    client_id: NAME,
    log,
  };
  const kafka = createKafka(kafka_options);
  const partitions = await tickPartitions(kafka, config.tick_topic, config.dead_letter_topic);
  const sender = await openSender(kafka, config.kafka_compression);
  const probe = startProbe(kafka, stopping);

  const queue = createLoadQueue(config.queue_ticks);
  const target = { topic: config.tick_topic, partitions };
  const dispatcher = createDispatcher({
    queue,
    takeBatch: createBatcher(queue, target, {
      ticks: config.batch_ticks,
      bytes: config.batch_bytes,
    }),
    sender,
    markers: { ...target, run: crypto.randomUUID(), receipts: createReceipts(partitions) },
    tick_topic: config.tick_topic,
    dead_letter_topic: config.dead_letter_topic,
    batch_ticks: config.batch_ticks,
    batch_interval_ms: config.batch_interval_ms,
    onConfirmed(batch, duration_ms, span) {
      metrics.sent.inc({ to: "ticks" }, batch.ticks.length);
      metrics.sent.inc({ to: "dead_letters" }, batch.refused.length);
      metrics.duration.observe({ value: duration_ms / 1_000, ...exemplarOf(span) });
      metrics.queue_depth.set(queue.depth());
    },
  });

  // From the start, so that nothing sent is told as nothing, and not as not known.
  for (const to of ["ticks", "dead_letters"]) metrics.sent.inc({ to }, 0);

  const sources: Source[] = [];
  for (const name of config.sources) {
    const door = createDoor(name, config.tick_topic, queue, metrics, stopping);
    sources.push(
      await SOURCES[name]({
        config,
        door,
        log,
        metrics,
        stopping,
        partitions,
        openReader: () => openReader(kafka_options),
      }),
    );
  }
  const dispatched = dispatcher.run();
  dispatched.catch(fail);
  const runs = sources.map((source) => source.run());
  for (const run of runs) run.catch(fail);
  // A source that fails stops the others; whatever has been accepted is still sent.
  const finished = Promise.allSettled(runs).then(() => {
    dispatcher.drain();
    return dispatched;
  });

  return {
    finished,
    readiness() {
      const reasons = sources.flatMap((source) => source.missing());
      const fault = probe.fault();
      if (fault !== null) reasons.push(`Kafka can't be reached: ${fault}`);
      if (sender.isStuck()) reasons.push("Kafka has not acknowledged the batch under way");
      if (queue.isTurningAway()) reasons.push("the queue is full");
      return { ready: reasons.length === 0, reasons };
    },
    async stop() {
      await Promise.allSettled([finished]);
      await Promise.all([sender.close(), probe.ended]);
    },
    unfinished() {
      const count = dispatcher.unconfirmed();
      return count === 0 ? [] : [
        `${count} ticks, or what weighs as much, were not confirmed by Kafka: a replay sends them ` +
        "again when it is started again, HTTP's callers got no 202 for them, a feed's are lost",
      ];
    },
  };
}

if (import.meta.main) {
  await runService({ name: NAME, settings: SETTINGS, metrics: METRICS, start });
}
