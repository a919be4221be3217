import { strictEqual } from "node:assert/strict";
import { partitionOf } from "../../contract/partition.ts";
import { DEFAULT_TOPIC_NAMES, topicShapes } from "../../contract/topics.ts";
import { withServers } from "../../infra/local/test_servers.ts";
import {
  eventually,
  type ServiceUnderTest,
  withService,
} from "../../infra/testing/test_service.ts";
import { createKafka, ensureTopics } from "../../runtime/kafka.ts";
import { openReader } from "../../runtime/kafka_reader.ts";
import { openSender } from "../../runtime/kafka_sender.ts";
import { createLogger } from "../../runtime/log.ts";

const PARTITIONS = 3;
const { ticks: TOPIC } = DEFAULT_TOPIC_NAMES;

/** The value of a metric without labels of its own; 0 where it has not been set yet. */
async function metricOf(service: ServiceUnderTest, name: string): Promise<number> {
  const line = new RegExp(`^${name}\\{service="aggregator"\\} (\\S+)$`, "m");
  return Number(line.exec(await service.metrics())?.[1] ?? 0);
}

Deno.test("aggregator: what retention deletes before it is read is counted, and the stream goes on", async () => {
  await withServers({ kafka: true }, async ({ bootstrap }) => {
    const log = createLogger("test", "error", () => {});
    const kafka = createKafka({ bootstrap_servers: [bootstrap], client_id: "test", log });
    const shapes = topicShapes({
      names: DEFAULT_TOPIC_NAMES,
      tick_partitions: PARTITIONS,
      retention_ms: 86_400_000,
    });
    await ensureTopics(kafka, Object.values(shapes));
    const sender = await openSender(kafka, "none");
    const reader = await openReader({ bootstrap_servers: [bootstrap], client_id: "test", log });
    const admin = kafka.admin();
    await admin.connect();
    const partition = partitionOf("A", PARTITIONS);

    const send = async (count: number): Promise<void> =>
      await sender.send(Array.from({ length: count }, () => ({
        topic: TOPIC,
        partition,
        key: "A",
        value: JSON.stringify({
          ...{ source: "test", symbol: "A", price: 1, volume: 1, timestamp: Date.now() },
        }),
        timestamp_ms: Date.now(),
      })));
    const trimTo = async (offset: number): Promise<void> =>
      await admin.deleteTopicRecords({
        topic: TOPIC,
        partitions: [{ partition, offset: String(offset) }],
      });
    const committed = async (): Promise<number> => {
      const [offsets] = await admin.fetchOffsets({ groupId: "aggregator", topics: [TOPIC] });
      return Number(offsets!.partitions.find((each) => each.partition === partition)!.offset);
    };
    const reaches = async (offset: number): Promise<void> =>
      await eventually(async () => await committed() === offset, `the offset ${offset}`, 20_000);

    const environment = { KAFKA_BOOTSTRAP_SERVERS: bootstrap };
    await withService("aggregator", environment, async (aggregator) => {
      await aggregator.ready();
      await send(10);
      await reaches(10);

      // It falls behind while it runs.
      Deno.kill(aggregator.pid, "SIGSTOP");
      try {
        // Once a fetch that waits longer has its answer, the one that it left open has its own too.
        await reader.fetch(TOPIC, partition, 10n, 500);
        await send(50);
        await trimTo(40);
      } finally {
        Deno.kill(aggregator.pid, "SIGCONT");
      }
      await reaches(60);
      strictEqual(await metricOf(aggregator, "tapeline_records_trimmed_total"), 30);
      strictEqual(await aggregator.stop(), 0);
    });

    // It falls behind while it is away.
    await send(50);
    await trimTo(100);
    await withService("aggregator", environment, async (aggregator) => {
      await reaches(110);
      strictEqual(await metricOf(aggregator, "tapeline_records_trimmed_total"), 40);
      await send(5);
      await reaches(115);
    });
    await sender.close();
    await reader.close();
    await admin.disconnect();
  });
});
