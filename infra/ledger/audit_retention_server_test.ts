/** What retention has taken excuses no more than it can explain. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { ONLY_STAGE_HEADER } from "../../contract/records.ts";
import type { Tick } from "../../contract/tick.ts";
import { deadLetter } from "../../runtime/dead_letter_record.ts";
import { withServers } from "../local/test_servers.ts";
import { audit } from "./audit.ts";
import {
  aggregate,
  LATE,
  markerRecord,
  MINUTE,
  NEXT_MINUTE,
  openStack,
  readAll,
  setSinkPosition,
  type StackUnderTest,
  store,
  tickOf,
  tickRecord,
  withSender,
} from "./test_stack.ts";

/** Partition 0: ten ticks in a minute and ten in the next; offset 3 is late for the aggregator. */
async function fill(stack: StackUnderTest): Promise<void> {
  await withSender(stack, async (sender) => {
    await sender.send([markerRecord(stack, 0, MINUTE, [])]);
    for (const [minute, first] of [[MINUTE, 0], [NEXT_MINUTE, 10]] as const) {
      const ticks: Tick[] = Array.from({ length: 10 }, (_, index) => tickOf(first + index));
      await sender.send(ticks.map((tick) => tickRecord(stack, 0, minute, tick)));
      await sender.send([markerRecord(stack, 0, minute, ticks)]);
    }
  });
  await aggregate(stack, { 0: { 3: LATE } });
  await store(stack);
}

/** Deletes a topic's records of partition 0 that lie before an offset; all of them without one. */
async function trim(stack: StackUnderTest, topic: string, offset = "-1"): Promise<void> {
  const admin = stack.kafka.admin();
  await admin.connect();
  // kafkajs deletes only in topics whose metadata it has loaded before.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] });
  await admin.disconnect();
}

async function setRetention(stack: StackUnderTest, topic: string, ms: number): Promise<void> {
  const admin = stack.kafka.admin();
  await admin.connect();
  const configEntries = [{ name: "retention.ms", value: String(ms) }];
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: 2, name: topic, configEntries }],
  });
  await admin.disconnect();
}

async function messages(stack: StackUnderTest): Promise<string[]> {
  return (await audit(stack.options)).differences
    .map(({ partition, minute, message }) => `${partition} ${minute ?? "-"}: ${message}`);
}

Deno.test("the ledger after retention, on a real Kafka and Postgres", (context) =>
  withServers({ kafka: true, postgres: true }, async (servers) => {
    const step = (name: string, test: (stack: StackUnderTest) => Promise<void>) =>
      context.step(name, async () => {
        const stack = await openStack(servers, name.replaceAll(/[^a-z]+/g, "-"));
        try {
          await fill(stack);
          deepStrictEqual(await messages(stack), []);
          await test(stack);
        } finally {
          await stack.close();
        }
      });

    await step("expired letters hide no row that is lost", async (stack) => {
      const { dead_letter_topic } = stack.options;
      // The ticks are of 2024: a year of retention has taken their letters.
      await setRetention(stack, dead_letter_topic, 365 * 86_400_000);
      await trim(stack, dead_letter_topic);
      const expired = await audit(stack.options);
      deepStrictEqual(expired.differences, []);
      deepStrictEqual(expired.rows.map((row) => row.verdict), ["trimmed", "balanced"]);
      // Within the retention a letter that is gone is a difference, and so is a lost row.
      await setRetention(stack, dead_letter_topic, 36_500 * 86_400_000);
      await stack.database.sql`delete from ticks where kafka_offset = 15`;
      deepStrictEqual(await messages(stack), [
        `0 ${MINUTE}: the aggregator has refused 1 and its dead letters are 0`,
        `0 ${MINUTE}: the aggregator has processed 1 fewer than Kafka holds`,
        `0 ${NEXT_MINUTE}: the sink has stored 1 fewer than Kafka holds`,
      ]);
    });

    await step("a minute that is cut hides no row of what is left of it", async (stack) => {
      await trim(stack, stack.options.tick_topic, "5");
      deepStrictEqual(await messages(stack), []);
      await stack.database.sql`delete from ticks where kafka_offset <= 8`;
      deepStrictEqual(await messages(stack), [
        `0 ${MINUTE}: the sink has stored 4 fewer than Kafka holds`,
      ]);
    });

    await step("ticks that were trimmed before a stage took them are named", async (stack) => {
      await stack.database.sql`delete from ticks`;
      await setSinkPosition(stack, 0, 2);
      await trim(stack, stack.options.tick_topic, "20");
      match(
        (await messages(stack)).join(),
        /^0 -: the sink is at offset 2, and Kafka's retention has taken 18 records from there on/,
      );
    });

    await step("rows and letters of no partition of the topic are named", async (stack) => {
      const { sql } = stack.database;
      await sql`insert into ticks (source, symbol, event_time, price, volume, price_forming,
          ingest_time, kafka_partition, kafka_offset)
        select source, symbol, event_time, price, volume, price_forming, ingest_time, 7, 1
        from ticks where kafka_offset = 1`;
      const [record] = await readAll(stack, stack.options.tick_topic, 0);
      const { tick_topic: topic, dead_letter_topic } = stack.options;
      const place = { stage: "sink", topic, dead_letter_topic, partition: 9 };
      await withSender(
        stack,
        (sender) => sender.send([deadLetter(place, { record: record!, fault: LATE })]),
      );
      deepStrictEqual(await messages(stack), [
        "9 -: 1 dead letters of the sink point to no record of the topic",
        `7 ${MINUTE}: the sink has stored 1 more than Kafka holds`,
      ]);
    });

    await step("a letter that does not hold its record's bytes is named", async (stack) => {
      const records = await readAll(stack, stack.options.tick_topic, 0);
      const { tick_topic: topic, dead_letter_topic } = stack.options;
      const place = { stage: "aggregator", topic, dead_letter_topic, partition: 0 };
      const { offset, timestamp, key } = records[3]!;
      const altered = { offset, timestamp, key, value: records[4]!.value };
      await withSender(
        stack,
        (sender) => sender.send([deadLetter(place, { record: altered, fault: LATE })]),
      );
      deepStrictEqual(await messages(stack), [
        "0 -: 1 dead letters of the aggregator do not hold their record's value (offset 3 first)",
      ]);
    });

    await step("a record for a stage that there is not is taken by nobody", async (stack) => {
      const only = { [ONLY_STAGE_HEADER]: "sinkhole" };
      await withSender(
        stack,
        (others) => others.send([tickRecord(stack, 0, NEXT_MINUTE, tickOf(99), only)]),
      );
      await aggregate(stack, { 0: { 3: LATE } });
      await stack.database.sql`truncate ticks`;
      await store(stack);
      deepStrictEqual(await messages(stack), [
        `0 ${NEXT_MINUTE}: the aggregator has processed 1 fewer than Kafka holds`,
        `0 ${NEXT_MINUTE}: the sink has stored 1 fewer than Kafka holds`,
      ]);
      strictEqual((await audit(stack.options)).verdict, "differs");
    });
  }));
