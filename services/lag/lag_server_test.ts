import { ok, strictEqual } from "node:assert/strict";
import type { Consumer, Kafka } from "kafkajs";
import { sampleSum } from "../../infra/local/gauges.ts";
import { installKafka } from "../../infra/local/kafka_install.ts";
import { withServers } from "../../infra/local/test_servers.ts";
import { eventually, withService } from "../../infra/testing/test_service.ts";
import { createKafka, ensureTopics } from "../../runtime/kafka.ts";
import { openSender } from "../../runtime/kafka_sender.ts";
import { createLogger } from "../../runtime/log.ts";
import { sleep } from "../../runtime/backoff.ts";

/** How near to the truth the seconds must be. */
const TOLERANCE_S = 1;
const LAG_INTERVAL_MS = 200;
const JAVA_DEADLINE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Everything here is known by the test itself: it sets the times of the records. */
interface Told {
  records: number;
  seconds: number;
}

Deno.test("lag: the seconds that a group is behind are the truth", async (test) => {
  await withServers({ kafka: true }, async ({ bootstrap }) => {
    const log = createLogger("test", "error", () => {});
    const kafka = createKafka({ bootstrap_servers: [bootstrap], client_id: "test", log });
    const admin = kafka.admin();
    await admin.connect();
    const sender = await openSender(kafka, "none");
    const environment = {
      KAFKA_BOOTSTRAP_SERVERS: bootstrap,
      TAPELINE_LAG_INTERVAL_MS: String(LAG_INTERVAL_MS),
    };
    const makeTopic = (topic: string): Promise<void> =>
      ensureTopics(kafka, [{ topic, partitions: 1, settings: {} }]);
    /** Sends a record for each age, oldest first, in batches of their own. */
    const send = async (topic: string, ages_ms: readonly number[]): Promise<void> => {
      for (const age_ms of ages_ms) {
        await sender.send([
          { topic, partition: 0, key: "k", value: "v", timestamp_ms: Date.now() - age_ms },
        ]);
      }
    };
    const committer = kafka.producer({ transactionalId: "committer", idempotent: true });
    await committer.connect();
    /** As a client commits that is not there any more. */
    const commit = async (group: string, topic: string, offset: number): Promise<void> => {
      const transaction = await committer.transaction();
      const partitions = [{ partition: 0, offset: String(offset) }];
      await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic, partitions }] });
      await transaction.commit();
    };
    // Kafka makes its topic of offsets when the first group asks for it.
    await makeTopic("first");
    await (await consume(kafka, "first")).disconnect();

    await withService("lag", environment, async (lag) => {
      await lag.ready();
      const told = async (group: string): Promise<Told> => {
        const text = await lag.metrics();
        if (!text.includes(`group="${group}"`)) return { records: NaN, seconds: NaN };
        const labels = { group, partition: "0" };
        return {
          records: sampleSum(text, "tapeline_consumer_group_lag_records", labels),
          seconds: sampleSum(text, "tapeline_consumer_group_lag_seconds", labels),
        };
      };
      /** Waits until the group is told to be so far behind, and is within a second of the truth. */
      const tells = async (
        group: string,
        records: number,
        seconds: () => number,
      ): Promise<void> => {
        let last: Told | null = null;
        await eventually(
          async () => {
            last = await told(group);
            return last.records === records && Math.abs(last.seconds - seconds()) < TOLERANCE_S;
          },
          `${group} to be told ${records} records and ${seconds()} s behind`,
          15_000,
        ).catch((error) => {
          throw new Error(`${(error as Error).message}; told was ${JSON.stringify(last)}`);
        });
      };
      const is_shown = async (group: string): Promise<boolean> =>
        (await lag.metrics()).includes(`group="${group}"`);

      await test.step("of one that is dead, and it goes on growing", async () => {
        await makeTopic("dead");
        const sent_at_ms = Date.now();
        await send("dead", [90_000, 60_000, 30_000, 0]);
        await commit("dead", "dead", 1);
        await tells("dead", 3, () => 60 + (Date.now() - sent_at_ms) / 1000);
        strictEqual(
          sampleSum(await lag.metrics(), "tapeline_consumer_group_members", { group: "dead" }),
          0,
        );
        const { seconds } = await told("dead");
        await eventually(
          async () => (await told("dead")).seconds > seconds + 2,
          "its seconds to grow",
          2_000 + LAG_INTERVAL_MS + 1_000,
        );
      });

      await test.step("of one that is idle: nothing, be the last record hours old", async () => {
        await makeTopic("idle");
        await send("idle", [2 * HOUR_MS, HOUR_MS]);
        await commit("idle", "idle", 2);
        await eventually(() => is_shown("idle"), "the group to be shown");
        await tells("idle", 0, () => 0);
      });

      await test.step("of one that is freshly behind after an idle hour: the record's own", async () => {
        const sent_at_ms = Date.now();
        await send("idle", [0]);
        await tells("idle", 1, () => (Date.now() - sent_at_ms) / 1000);
      });

      await test.step("of one that is idle on a topic that ends with markers", async () => {
        await makeTopic("marked");
        await transact(kafka, "marked", "commit");
        await commit("marked", "marked", 1);
        await eventually(() => is_shown("marked"), "the group to be shown");
        await tells("marked", 0, () => 0);
        // What was aborted is read by nobody.
        await transact(kafka, "marked", "abort");
        const looks = async (): Promise<number> =>
          sampleSum(await lag.metrics(), "tapeline_lag_look_duration_seconds_count");
        const before = await looks();
        await eventually(async () => await looks() > before + 1, "it to look again");
        await tells("marked", 0, () => 0);
        const sent_at_ms = Date.now();
        await transact(kafka, "marked", "commit");
        // Three markers, a record that was aborted, one that was not: from offset 1 to 6.
        await tells("marked", 5, () => (Date.now() - sent_at_ms) / 1000);
      });

      await test.step("of one whose topic was trimmed past it: the oldest record left", async () => {
        await makeTopic("trimmed");
        const sent_at_ms = Date.now();
        await send("trimmed", [50_000, 40_000, 30_000, 20_000]);
        await commit("trimmed", "trimmed", 0);
        await admin.fetchTopicOffsets("trimmed");
        await admin.deleteTopicRecords({
          topic: "trimmed",
          partitions: [{ partition: 0, offset: "3" }],
        });
        await tells("trimmed", 1, () => 20 + (Date.now() - sent_at_ms) / 1000);
        const gone = sampleSum(await lag.metrics(), "tapeline_consumer_group_trimmed_records", {
          group: "trimmed",
        });
        strictEqual(gone, 3);
      });

      await test.step("of one that reads old records again: as old as they are", async () => {
        await makeTopic("again");
        const sent_at_ms = Date.now();
        await send("again", [3 * HOUR_MS, 2 * HOUR_MS, 0]);
        await commit("again", "again", 3);
        await tells("again", 0, () => 0);
        await commit("again", "again", 0);
        await tells("again", 3, () => 3 * 3_600 + (Date.now() - sent_at_ms) / 1000);
      });

      await test.step("of one that lives and is paused, until it goes on", async () => {
        await makeTopic("paused");
        let taken = 0;
        const consumer = await consume(kafka, "paused", () => Promise.resolve(void taken++));
        const sent_at_ms: number[] = [];
        const sendOne = async (): Promise<void> => {
          sent_at_ms.push(Date.now());
          await send("paused", [0]);
        };
        await sendOne();
        // A group that has committed nothing yet is not behind: it must have begun before it is paused.
        await eventually(() => Promise.resolve(taken > 0), "its first record to be taken");
        await tells("paused", 0, () => 0);
        consumer.pause([{ topic: "paused" }]);
        // A fetch that is under way may still bring the first of them.
        for (let count = 0; count < 3; count++) await sendOne();
        const behind_s = (): number => (Date.now() - sent_at_ms[taken]!) / 1000;
        await eventually(() => Promise.resolve(behind_s() > 3), "it to be three seconds behind");
        await tells("paused", sent_at_ms.length - taken, behind_s);
        const members = sampleSum(await lag.metrics(), "tapeline_consumer_group_members", {
          group: "paused",
        });
        strictEqual(members, 1);
        consumer.resume([{ topic: "paused" }]);
        await tells("paused", 0, () => 0);
        await consumer.disconnect();
      });

      await test.step("of one that is slow: it never catches up, then it says when", async () => {
        await makeTopic("slow");
        let wait_ms = 400;
        const taken: number[] = [];
        const consumer = await consume(kafka, "slow", async (sent_at_ms) => {
          await sleep(wait_ms);
          taken.push(sent_at_ms);
        });
        const sent: number[] = [];
        const ended = AbortSignal.timeout(6_000);
        while (!ended.aborted) {
          sent.push(Date.now());
          await send("slow", [0]);
          await sleep(100);
        }
        // The record under way is the first that it has not committed.
        const behind = (): number => (Date.now() - (sent[taken.length] ?? Date.now())) / 1000;
        const { seconds } = await told("slow");
        ok(Math.abs(seconds - behind()) < TOLERANCE_S, `told ${seconds}, and it is ${behind()}`);
        const catchUp = async (): Promise<number> =>
          sampleSum(await lag.metrics(), "tapeline_consumer_group_catch_up_seconds", {
            group: "slow",
          });
        strictEqual(await catchUp(), Infinity);
        wait_ms = 5;
        await tells("slow", 0, () => 0);
        await eventually(async () => await catchUp() === 0, "it to have caught up");
        await consumer.disconnect();
      });

      await test.step("of a Java consumer, on records in a compression of Java's", async () => {
        await makeTopic("java");
        const server = ["--bootstrap-server", bootstrap, "--topic", "java"];
        const producer = await startJava("ConsoleProducer", [
          ...server,
          ...["--compression-codec", "lz4"],
        ]);
        await producer.write("one\ntwo\nthree\n");
        const consumer = await startJava("consumer.ConsoleConsumer", [
          ...server,
          ...["--group", "java", "--from-beginning", "--max-messages", "3"],
        ]);
        await consumer.ended();
        await eventually(() => is_shown("java"), "the group to be shown");
        await tells("java", 0, () => 0);
        // The producer runs, so what it is given now it sends now.
        const sent_at_ms = Date.now();
        await producer.write("four\n");
        await tells("java", 1, () => (Date.now() - sent_at_ms) / 1000);
        await producer.ended();
      });

      await test.step("and groups and topics that go are shown no more", async () => {
        await admin.deleteGroups(["dead"]);
        await admin.deleteTopics({ topics: ["trimmed"] });
        await eventually(async () => !await is_shown("dead"), "the group to be gone");
        await eventually(
          async () => !(await lag.metrics()).includes('topic="trimmed"'),
          "the topic to be gone",
        );
        strictEqual(await lag.stop(), 0);
      });
    });
    await sender.close();
    await committer.disconnect();
    await admin.disconnect();
  });
});

/** One record in a transaction of its own. */
async function transact(kafka: Kafka, topic: string, end: "commit" | "abort"): Promise<void> {
  const producer = kafka.producer({ transactionalId: topic, idempotent: true });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: [{ partition: 0, value: "v" }] });
  await transaction[end]();
  await producer.disconnect();
}

/** A consumer in the group of its topic's name, which commits each record as it is taken. */
async function consume(
  kafka: Kafka,
  topic: string,
  take: (sent_at_ms: number) => Promise<void> = () => Promise.resolve(),
): Promise<Consumer> {
  const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async (
      { batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, uncommittedOffsets },
    ) => {
      for (const { offset, timestamp } of batch.messages) {
        await take(Number(timestamp));
        resolveOffset(offset);
        await commitOffsetsIfNecessary(uncommittedOffsets());
        await heartbeat();
      }
    },
  });
  return consumer;
}

/** One of Kafka's own tools, at work. */
interface JavaTool {
  write(lines: string): Promise<void>;
  /** Ends its input, and waits for its end. */
  ended(): Promise<void>;
}

async function startJava(tool: string, args: readonly string[]): Promise<JavaTool> {
  const installation = await installKafka(() => {}, new AbortController().signal);
  const child = new Deno.Command(installation.java, {
    args: ["-cp", `${installation.jars_dir}/*`, `org.apache.kafka.tools.${tool}`, ...args],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(JAVA_DEADLINE_MS),
  }).spawn();
  const errors = new Response(child.stderr).text();
  const writer = child.stdin.getWriter();
  return {
    write: (lines) => writer.write(new TextEncoder().encode(lines)),
    async ended() {
      await writer.close().catch(() => {
        // One that asks for nothing may have ended by now.
      });
      const { success } = await child.status;
      if (!success) throw new Error(`${tool}: ${await errors}`);
      await errors;
    },
  };
}
