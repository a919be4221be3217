import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { ONLY_STAGE_HEADER } from "../../contract/records.ts";
import { withServers } from "../local/test_servers.ts";
import { runTask, type TaskResult } from "../test_task.ts";
import { audit } from "./audit.ts";
import type { LedgerReport, LedgerRow } from "./judge.ts";
import {
  aggregate,
  LATE,
  ledgerOf,
  markerRecord,
  MINUTE,
  NEXT_MINUTE,
  openStack,
  setSinkPosition,
  type StackUnderTest,
  stateOf,
  store,
  tickOf,
  tickRecord,
  withSender,
} from "./test_stack.ts";
import { summarize } from "./summary.ts";

const REFUSED = { reason: "row_refused", message: "a constraint" } as const;

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => tickOf(from + index));

/**
 * Two partitions, two minutes, with a late tick, a refused row, a record that is no tick, others'
 * records, and letters that were written twice.
 */
async function fill(stack: StackUnderTest): Promise<void> {
  await withSender(stack, async (sender) => {
    for (const partition of [0, 1]) {
      await sender.send([markerRecord(stack, partition, MINUTE, [])]);
      const first = range(partition * 100, partition * 100 + 20);
      const second = range(partition * 100 + 20, partition * 100 + 50);
      await sender.send(first.map((tick) => tickRecord(stack, partition, MINUTE + 5, tick)));
      await sender.send([
        markerRecord(stack, partition, MINUTE, first),
        ...second.map((tick) => tickRecord(stack, partition, NEXT_MINUTE + 59_999, tick)),
      ]);
      await sender.send([markerRecord(stack, partition, NEXT_MINUTE, second)]);
    }
  });
  await withSender(stack, (others) =>
    others.send([
      tickRecord(stack, 1, MINUTE + 7, tickOf(900)),
      tickRecord(stack, 1, MINUTE + 8, '{"symbol":'),
    ]));
  // Offset 3 of partition 0 is late for the aggregator, and offset 4 is refused by the database.
  await aggregate(stack, { 0: { 3: LATE } });
  await aggregate(stack, { 0: { 3: LATE } });
  await store(stack, { 0: { 4: REFUSED } });
}

async function messages(stack: StackUnderTest): Promise<string[]> {
  return (await audit(stack.options)).differences
    .map(({ partition, minute, message }) => `${partition} ${minute ?? "-"}: ${message}`);
}

function columns(row: LedgerRow): unknown[] {
  const { partition, minute, accepted, in_kafka, foreign, processed, stored } = row;
  return [
    partition,
    minute,
    accepted.count,
    in_kafka.count,
    foreign.count,
    processed.count,
    row.aggregator_letters,
    stored.count,
    row.sink_letters,
    row.verdict,
  ];
}

async function keepRows({ database: { sql } }: StackUnderTest): Promise<void> {
  await sql`create table kept as select * from ticks`;
}

async function restoreRows({ database: { sql } }: StackUnderTest): Promise<void> {
  await sql`truncate ticks`;
  await sql`insert into ticks table kept`;
}

Deno.test("the ledger on real servers", (context) =>
  withServers({ kafka: true, postgres: true }, async (servers) => {
    const step = (name: string, test: (stack: StackUnderTest) => Promise<void>) =>
      context.step(name, async () => {
        const stack = await openStack(servers, name.replaceAll(/[^a-z]+/g, "-"));
        try {
          await test(stack);
        } finally {
          await stack.close();
        }
      });

    await step("balances where every stage has taken or refused all of it", async (stack) => {
      await fill(stack);
      const report = await audit(stack.options);
      deepStrictEqual(report.differences, []);
      match(summarize(report), /^The ledger balances: 102 ticks in 2 minutes.*4 dead letters/);
      deepStrictEqual(report.rows.map(columns), [
        [0, MINUTE, 20, 20, 0, 19, 1, 19, 1, "balanced"],
        [0, NEXT_MINUTE, 30, 30, 0, 30, 0, 30, 0, "balanced"],
        [1, MINUTE, 20, 22, 2, 21, 1, 21, 1, "balanced"],
        [1, NEXT_MINUTE, 30, 30, 0, 30, 0, 30, 0, "balanced"],
      ]);
    });

    await step("names what the database has lost, doubled or altered", async (stack) => {
      await fill(stack);
      await keepRows(stack);
      const { sql } = stack.database;
      await sql`delete from ticks where kafka_partition = 1 and kafka_offset in (5, 6, 7)`;
      deepStrictEqual(await messages(stack), [
        `1 ${MINUTE}: the sink has stored 3 fewer than Kafka holds beside its 1 dead letters`,
      ]);
      await restoreRows(stack);
      await sql`insert into ticks
        select * from kept where kafka_partition = 1 and kafka_offset = 30`;
      deepStrictEqual(await messages(stack), [
        "1 -: offset 30 is in the ticks table 2 times",
        `1 ${NEXT_MINUTE}: the sink has stored 1 more than Kafka holds`,
      ]);
      await restoreRows(stack);
      await sql`update ticks set volume = volume + 1e-9
        where kafka_partition = 0 and kafka_offset = 30`;
      match((await messages(stack)).join(), /^0 \d+: the sink has stored .* not by checksum[^,]*$/);
      await restoreRows(stack);
      deepStrictEqual(await messages(stack), []);
    });

    await step("names what the aggregator miscounts or refuses without a letter", async (stack) => {
      await fill(stack);
      const count = {
        minute: NEXT_MINUTE,
        first_offset: "99",
        processed: 2,
        checksum: 5,
        discarded: {},
      };
      await withSender(stack, (sender) => sender.send([ledgerOf(stack, 1, count)]));
      deepStrictEqual(await messages(stack), [
        `1 ${NEXT_MINUTE}: the aggregator has processed 2 more than Kafka holds`,
      ]);
      // The newest record of a key stands.
      const refusal = { ...count, processed: 0, checksum: 0, discarded: { late: 1 } };
      await withSender(stack, (sender) => sender.send([ledgerOf(stack, 1, refusal)]));
      deepStrictEqual(await messages(stack), [
        `1 ${NEXT_MINUTE}: the aggregator has refused 1 and its dead letters are 0`,
      ]);
    });

    await step("names what Kafka holds too little or too much of", async (stack) => {
      await withSender(stack, async (sender) => {
        const tick = tickRecord(stack, 0, MINUTE, tickOf(1));
        await sender.send([markerRecord(stack, 0, MINUTE, []), tick, tick]);
        await sender.send([markerRecord(stack, 0, MINUTE, [tickOf(1)])]);
        await sender.send([markerRecord(stack, 1, MINUTE, [])]);
        await sender.send([markerRecord(stack, 1, MINUTE, range(0, 4))]);
      });
      await aggregate(stack);
      await store(stack);
      deepStrictEqual(await messages(stack), [
        `0 ${MINUTE}: Kafka holds 1 more than the producer was told`,
        `1 ${MINUTE}: Kafka holds 4 fewer than the producer was told`,
      ]);
    });

    await step("shows a killed producer's tail apart", async (stack) => {
      await withSender(stack, async (sender) => {
        await sender.send([markerRecord(stack, 0, MINUTE, [])]);
        await sender.send(range(0, 7).map((tick) => tickRecord(stack, 0, MINUTE, tick)));
      });
      await aggregate(stack);
      await store(stack);
      const report = await audit(stack.options);
      deepStrictEqual(report.differences, []);
      deepStrictEqual([report.verdict, report.rows[0]!.unconfirmed.count], ["balances", 7]);
    });

    await step("leaves a minute alone until both stages have passed it", async (stack) => {
      await fill(stack);
      await setSinkPosition(stack, 0, 25);
      await stack.database.sql`delete from ticks where kafka_partition = 0 and kafka_offset >= 25`;
      const verdicts = async () => (await audit(stack.options)).rows.map((row) => row.verdict);
      deepStrictEqual(await verdicts(), ["balanced", "pending", "balanced", "balanced"]);
      await withSender(stack, (sender) => sender.send([stateOf(stack, 1, 3)]));
      deepStrictEqual(await verdicts(), ["balanced", "pending", "pending", "pending"]);
      await stack.database.sql`delete from kafka_offsets`;
      strictEqual((await audit(stack.options)).verdict, "not_judged");
    });

    await step("marks what retention has trimmed and judges the rest", async (stack) => {
      await fill(stack);
      const admin = stack.kafka.admin();
      await admin.connect();
      const { tick_topic } = stack.options;
      // kafkajs deletes only in topics whose metadata it has loaded before.
      await admin.fetchTopicOffsets(tick_topic);
      await admin.deleteTopicRecords({
        topic: tick_topic,
        partitions: [{ partition: 0, offset: "10" }],
      });
      await admin.disconnect();
      const report = await audit(stack.options);
      deepStrictEqual(report.differences, []);
      deepStrictEqual(report.rows.map((row) => row.verdict), [
        "trimmed",
        "balanced",
        "balanced",
        "balanced",
      ]);
      await stack.database.sql`delete from ticks where kafka_partition = 0 and kafka_offset = 40`;
      strictEqual((await audit(stack.options)).verdict, "differs");
    });

    await step("judges from a minute on what it would judge of all", async (stack) => {
      const third_minute = NEXT_MINUTE + 60_000;
      // What it has no need to read can't be read: a record that would be a difference.
      const last = range(300, 310);
      await withSender(stack, async (sender) => {
        await sender.send([
          markerRecord(stack, 0, MINUTE, []),
          ...range(0, 5).map((tick) => tickRecord(stack, 0, MINUTE, tick)),
          markerRecord(stack, 0, MINUTE, range(0, 4)),
          markerRecord(stack, 0, NEXT_MINUTE + 1, []),
          ...last.map((tick) => tickRecord(stack, 0, third_minute, tick)),
          markerRecord(stack, 0, third_minute, last),
        ]);
      });
      await aggregate(stack);
      await store(stack);
      strictEqual((await audit(stack.options)).verdict, "differs");
      const from_third = { ...stack.options, from_minute: third_minute };
      const report = await audit(from_third);
      deepStrictEqual(report.differences, []);
      deepStrictEqual(report.rows.filter(({ minute }) => minute >= third_minute).map(columns), [
        [0, third_minute, 10, 10, 0, 10, 0, 10, 0, "balanced"],
      ]);
      await stack.database.sql`delete from ticks where kafka_offset = 10`;
      const [difference] = (await audit(from_third)).differences;
      strictEqual(difference!.minute, third_minute);
    });

    await step("counts a replayed letter for its stage only", async (stack) => {
      await withSender(stack, async (sender) => {
        const only = { [ONLY_STAGE_HEADER]: "sink" };
        await sender.send([markerRecord(stack, 0, MINUTE, [])]);
        await sender.send([tickRecord(stack, 0, MINUTE, tickOf(1), only)]);
        await sender.send([markerRecord(stack, 0, MINUTE, [tickOf(1)])]);
      });
      await aggregate(stack);
      await store(stack);
      const report = await audit(stack.options);
      deepStrictEqual(report.differences, []);
      deepStrictEqual(report.rows.map(columns), [[0, MINUTE, 1, 1, 0, 0, 0, 1, 0, "balanced"]]);
    });

    await step("says what is missing where it can not be judged", async (stack) => {
      await rejects(
        audit({ ...stack.options, tick_topic: "nowhere" }),
        /there is no topic nowhere at 127\.0\.0\.1:\d+/,
      );
      await rejects(
        audit({ ...stack.options, database_url: await servers.newDatabase() }),
        /relation "kafka_offsets" does not exist.*deno task start/,
      );
      await rejects(
        audit({ ...stack.options, database_url: "postgres://a:secret@127.0.0.1:1/b" }),
        (error: Error) =>
          /ECONNREFUSED.*DATABASE_URL$/.test(error.message) &&
          !error.message.includes("secret"),
      );
    });

    await step("is a command with an exit code", async (stack) => {
      await fill(stack);
      const balanced = await commandLine(stack);
      strictEqual(balanced.code, 0);
      match(balanced.stdout, /\nThe ledger balances: 102 ticks in 2 minutes.*\n$/);
      await stack.database.sql`delete from ticks where kafka_offset = 8`;
      const differs = await commandLine(stack, "--json");
      strictEqual(differs.code, 1);
      strictEqual((JSON.parse(differs.stdout) as LedgerReport).differences.length, 2);
      await stack.database.sql`drop table ticks`;
      const failed = await commandLine(stack);
      strictEqual(failed.code, 2);
      match(failed.stderr, /^Cannot count what is stored in Postgres: .*\n$/);
    });
  }));

/** Runs `deno task audit` with the test's servers. */
function commandLine(stack: StackUnderTest, ...options: string[]): Promise<TaskResult> {
  const { options: audited } = stack;
  return runTask("audit", options, {
    KAFKA_BOOTSTRAP_SERVERS: audited.kafka.bootstrap_servers.join(","),
    DATABASE_URL: String(audited.database_url),
    KAFKA_TOPIC: audited.tick_topic,
    TAPELINE_CANDLE_TOPIC: audited.candle_topic,
    TAPELINE_DEAD_LETTER_TOPIC: audited.dead_letter_topic,
    TAPELINE_TICK_RETENTION_DAYS: "36500",
  });
}
