import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { eventually } from "../infra/testing/test_service.ts";
import { withServers } from "../infra/local/test_servers.ts";
import { type Compression, createKafka, ensureTopics, type KafkaOptions } from "./kafka.ts";
import { openReader, readRange } from "./kafka_reader.ts";
import { byTopic, openSender, type OutgoingRecord } from "./kafka_sender.ts";
import { createLogger } from "./log.ts";

const log = createLogger("test", "error");

function record(topic: string, value: string, partition = 0): OutgoingRecord {
  return { topic, partition, key: "k", value, timestamp_ms: 1_700_000_000_000 };
}

Deno.test("Kafka: what is sent is read again, by position", async (test) => {
  await withServers({ kafka: true }, async ({ bootstrap, kafka: server }) => {
    const options: KafkaOptions = { bootstrap_servers: [bootstrap], client_id: "test", log };
    const kafka = createKafka(options);
    const shape = (topic: string, partitions: number) => ({ topic, partitions, settings: {} });
    await ensureTopics(kafka, [shape("t", 2), shape("exact", 1), shape("codecs", 1)]);
    const reader = await openReader(options);

    const readAll = async (topic: string, partition: number): Promise<string[]> => {
      const { earliest, last_stable } = await reader.ends(topic, partition);
      const values: string[] = [];
      for await (const records of readRange(reader, topic, partition, earliest, last_stable)) {
        values.push(...records.map(({ value }) => value!.toString()));
      }
      return values;
    };

    await test.step("a topic that is there is kept; one of another shape is refused", async () => {
      await ensureTopics(kafka, [shape("t", 2)]);
      await rejects(ensureTopics(kafka, [shape("t", 3)]), /has 2 partitions and must have 3/);
      const compacted = { ...shape("t", 2), settings: { "cleanup.policy": "compact" } };
      await rejects(ensureTopics(kafka, [compacted]), /cleanup.policy=delete and needs compact/);
      const wide = { ...shape("t", 2), settings: { "max.message.bytes": "2000000" } };
      await rejects(ensureTopics(kafka, [wide]), /max.message.bytes=1048588 and needs 2000000/);
      strictEqual(await reader.partitions("t"), 2);
      strictEqual(await reader.partitions("no-such-topic"), 0);
    });

    await test.step("every compression comes back as it went", async () => {
      const compressions: Compression[] = ["none", "gzip", "snappy", "zstd"];
      for (const compression of compressions) {
        const sender = await openSender(kafka, compression);
        await sender.send([record("codecs", `${compression} `.repeat(100))]);
        await sender.close();
      }
      deepStrictEqual(
        await readAll("codecs", 0),
        compressions.map((compression) => `${compression} `.repeat(100)),
      );
    });

    await test.step("aborted transactions are not read, markers are passed over", async () => {
      const producer = kafka.producer({ transactionalId: "x", maxInFlightRequests: 1 });
      await producer.connect();
      for (const [value, commits] of [["a", true], ["b", false], ["c", true]] as const) {
        const transaction = await producer.transaction();
        await transaction.sendBatch({ topicMessages: byTopic([record("exact", value)]), acks: -1 });
        await (commits ? transaction.commit() : transaction.abort());
      }
      await producer.disconnect();
      // Three records and the three markers, which the broker writes in the background.
      await eventually(
        async () => (await reader.ends("exact", 0)).last_stable === 6n,
        "the transactions to be ended",
      );
      deepStrictEqual(await readAll("exact", 0), ["a", "c"]);
    });

    await test.step("a broker that is killed and comes back loses and doubles nothing", async () => {
      const sender = await openSender(kafka, "none");
      const sent: string[] = [];
      const sends: Promise<void>[] = [];
      for (let batch = 0; batch < 40; batch++) {
        const values = Array.from({ length: 50 }, (_, index) => `${batch}-${index}`);
        sent.push(...values);
        sends.push(sender.send(values.map((value) => record("t", value, 1))));
        if (batch === 10) await sends[5];
        if (batch === 20) await server.kill();
      }
      await server.restart();
      await Promise.all(sends);
      ok(!sender.isStuck());
      await sender.close();
      deepStrictEqual(await readAll("t", 1), sent);
    });

    await reader.close();
  });
});
