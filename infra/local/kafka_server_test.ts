import assert from "node:assert/strict";
import { Kafka, logLevel } from "kafkajs";
import { freePorts, LOOPBACK } from "./free_port.ts";
import { BROKER_METRICS } from "../kafka/metrics.ts";
import { startKafka } from "./kafka_server.ts";
import { stopOrphans } from "./run_note.ts";
import { StartFault } from "./start_fault.ts";
import { withServers, withTestDirectory } from "./test_servers.ts";

/** Prometheus waits 4 s for it. */
const SCRAPE_DEADLINE_MS = 4_000;

const progress = (): void => {};
const { signal: stopping } = new AbortController();

async function withAdmin<Result>(
  bootstrap: string,
  use: (admin: ReturnType<Kafka["admin"]>) => Promise<Result>,
): Promise<Result> {
  const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

const topicsOf = (bootstrap: string): Promise<string[]> =>
  withAdmin(bootstrap, async (admin) => (await admin.listTopics()).filter((t) => t[0] !== "_"));

const makeTopic = (bootstrap: string, topic: string): Promise<boolean> =>
  withAdmin(
    bootstrap,
    (admin) => admin.createTopics({ topics: [{ topic }], waitForLeaders: true }),
  );

Deno.test("Kafka keeps its topics over an ordered restart and over kill -9, on the same port", async () => {
  await withServers({ kafka: true }, async ({ kafka, bootstrap }) => {
    await makeTopic(bootstrap, "kept");
    await kafka.restart();
    assert.equal(kafka.bootstrap, bootstrap);
    assert.deepEqual(await topicsOf(bootstrap), ["kept"]);

    await kafka.kill();
    assert.equal(kafka.process().hasEnded(), true);
    await kafka.restart();
    assert.deepEqual(await topicsOf(bootstrap), ["kept"]);
  });
});

Deno.test("an observed Kafka shows what its table says, within a scrape", async () => {
  await withTestDirectory(async (data_dir) => {
    const kafka = await startKafka({ data_dir, port: null, observed: true, progress, stopping });
    try {
      const signal = AbortSignal.timeout(SCRAPE_DEADLINE_MS);
      const shown = await (await fetch(`${kafka.metrics_url()}/metrics`, { signal })).text();
      // A name that is of no topic, request or client yet comes with the first.
      for (const { name, labels } of Object.values(BROKER_METRICS)) {
        if (labels.length === 0) assert.match(shown, new RegExp(`^${name} \\S+$`, "m"));
      }
      assert.match(shown, /^jvm_memory_used_bytes\{area="heap"\} /m);
      assert.match(shown, /^jvm_gc_collection_seconds_sum\{gc="/m);
      assert.doesNotMatch(shown, /^jmx_scrape_error [^0]/m);
    } finally {
      await kafka.stop();
    }
  });
});

Deno.test("two Kafka servers run side by side, and one orphan is stopped without the other", async () => {
  await withServers({ kafka: true }, async (one) => {
    await withServers({ kafka: true }, async (other) => {
      await makeTopic(one.bootstrap, "of-one");
      await makeTopic(other.bootstrap, "of-other");
      assert.deepEqual(await topicsOf(one.bootstrap), ["of-one"]);
      assert.deepEqual(await topicsOf(other.bootstrap), ["of-other"]);

      assert.deepEqual(await stopOrphans(other.data_dir), ["kafka"]);
      await other.kafka.process().ended;
      assert.equal(one.kafka.process().hasEnded(), false);
      assert.deepEqual(await stopOrphans(other.data_dir), []);
    });
  });
});

Deno.test("Kafka listens on the port that is asked for, and a taken one is a clear fault", async () => {
  const [port] = freePorts(1);
  await withTestDirectory(async (data_dir) => {
    using _taken = Deno.listen({ hostname: LOOPBACK, port: port! });
    await assert.rejects(
      startKafka({ data_dir, port: port!, progress, stopping }),
      (error) =>
        error instanceof StartFault && error.message.includes(`${LOOPBACK}:${port}`) &&
        error.message.includes("TAPELINE_KAFKA_PORT"),
    );
  });
  await withTestDirectory(async (data_dir) => {
    const kafka = await startKafka({ data_dir, port: port!, progress, stopping });
    assert.equal(kafka.bootstrap, `${LOOPBACK}:${port}`);
    await kafka.stop();
  });
});
