import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { deadLetterHeaders } from "../../contract/dead_letter.ts";
import { partitionOf } from "../../contract/partition.ts";
import { ONLY_STAGE_HEADER } from "../../contract/records.ts";
import { headerText } from "../../runtime/kafka_record.ts";
import type { ReadRecord } from "../../runtime/kafka_reader.ts";
import { audit } from "../ledger/audit.ts";
import {
  aggregate,
  markerRecord,
  MINUTE,
  openStack,
  PARTITIONS,
  readAll,
  type StackUnderTest,
  store,
  tickOf,
  tickRecord,
  withSender,
} from "../ledger/test_stack.ts";
import { withServers } from "../local/test_servers.ts";
import { runTask, type TaskResult } from "../test_task.ts";
import { REPLAY_OF_HEADER } from "./replay_plan.ts";

const LATE = { reason: "late", message: "too late" } as const;

/** Partition 0: a late tick at offset 1, a good one, and one that is no tick at offset 3. */
async function fill(stack: StackUnderTest): Promise<void> {
  const ticks = [tickOf(1), tickOf(2)];
  await withSender(stack, async (sender) => {
    await sender.send([
      markerRecord(stack, 0, MINUTE, []),
      ...ticks.map((tick) => tickRecord(stack, 0, MINUTE, tick, { traceparent: "00-1" })),
    ]);
    await sender.send([markerRecord(stack, 0, MINUTE, ticks)]);
  });
  await withSender(stack, (others) => others.send([tickRecord(stack, 0, MINUTE, '{"symbol":')]));
  await aggregate(stack, { 0: { 1: LATE } });
  await store(stack);
  await withSender(stack, (door) =>
    door.send([{
      topic: stack.options.dead_letter_topic,
      partition: 0,
      key: null,
      value: JSON.stringify({ ...tickOf(7), price: "7" }),
      timestamp_ms: MINUTE,
      headers: deadLetterHeaders("producer", { reason: "price_invalid", message: "a string" }, {
        source: "http",
        line: 1,
      }),
    }]));
}

function deadLetters(stack: StackUnderTest, ...options: string[]): Promise<TaskResult> {
  return runTask("dead-letters", options, {
    KAFKA_BOOTSTRAP_SERVERS: stack.options.kafka.bootstrap_servers.join(","),
    KAFKA_TOPIC: stack.options.tick_topic,
    TAPELINE_DEAD_LETTER_TOPIC: stack.options.dead_letter_topic,
  });
}

async function replayed(stack: StackUnderTest): Promise<(ReadRecord & { partition: number })[]> {
  const found: (ReadRecord & { partition: number })[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const record of await readAll(stack, stack.options.tick_topic, partition)) {
      if (headerText(record.headers, REPLAY_OF_HEADER) !== null) {
        found.push(Object.assign(record, { partition }));
      }
    }
  }
  return found;
}

Deno.test("dead letters on real servers", (context) =>
  withServers({ kafka: true, postgres: true }, async (servers) => {
    const stack = await openStack(servers, "letters");
    const { tick_topic } = stack.options;
    try {
      await fill(stack);
      await context.step("are listed", async () => {
        const { code, stdout } = await deadLetters(stack, "list");
        strictEqual(code, 0);
        const lines = stdout.trimEnd().split("\n");
        const shown = lines.slice(1, -2).map((line) => line.split(/ {2,}/).slice(2, 5));
        deepStrictEqual(shown.sort(), [
          ["aggregator", "late", `${tick_topic}/0/1`],
          ["aggregator", "not_json", `${tick_topic}/0/4`],
          ["producer", "price_invalid", "http:1"],
          ["sink", "not_json", `${tick_topic}/0/4`],
        ]);
        strictEqual(lines.at(-1), "4 dead letters");
        const filtered = await deadLetters(stack, "list", "--stage", "sink", "--json");
        strictEqual(JSON.parse(filtered.stdout).reason, "not_json");
      });

      await context.step("are not replayed by a dry run", async () => {
        const { code, stdout } = await deadLetters(
          stack,
          "replay",
          "--reason",
          "late",
          "--dry-run",
        );
        strictEqual(code, 0);
        match(stdout, /^would replay 1 \(partition \d: 1\), replayed before 0, not replayed 0\n$/);
        deepStrictEqual(await replayed(stack), []);
      });

      await context.step("go to their stage only, once, to the symbol's partition", async () => {
        const first = await deadLetters(stack, "replay", "--reason", "late");
        match(first.stdout, /^replayed 1 /);
        const second = await deadLetters(stack, "replay", "--reason", "late");
        strictEqual(second.code, 0);
        match(second.stdout, /^replayed 0, replayed before 1, not replayed 0\n$/);
        const [record, ...others] = await replayed(stack);
        deepStrictEqual(others, []);
        strictEqual(record!.partition, partitionOf("IBM", PARTITIONS));
        strictEqual(headerText(record!.headers, ONLY_STAGE_HEADER), "aggregator");
        strictEqual(headerText(record!.headers, "traceparent"), "00-1");
        deepStrictEqual(JSON.parse(record!.value!.toString()), tickOf(1));
        strictEqual(Number(record!.timestamp) > Date.now() - 60_000, true);
        const again = await deadLetters(stack, "replay", "--reason", "late", "--again");
        match(again.stdout, /^replayed 1 /);
      });

      await context.step("need a correction where they are still no ticks", async () => {
        const refused = await deadLetters(stack, "replay", "--stage", "producer");
        strictEqual(refused.code, 1);
        match(
          refused.stdout,
          /producer price_invalid, http:1\) is not replayed: it is still no tick/,
        );
        const listed = await deadLetters(stack, "list", "--stage", "producer", "--json");
        const { offset } = JSON.parse(listed.stdout) as { offset: string };
        const value = JSON.stringify({ ...tickOf(7), source: undefined });
        const mended = await deadLetters(stack, "replay", "--offset", offset, "--value", value);
        strictEqual(mended.code, 0, mended.stderr + mended.stdout);
        const record = (await replayed(stack)).at(-1)!;
        strictEqual(headerText(record.headers, ONLY_STAGE_HEADER), null);
        deepStrictEqual(JSON.parse(record.value!.toString()), { ...tickOf(7), source: "http" });
      });

      await context.step("balance in the ledger when the stages have taken them", async () => {
        await aggregate(stack, { 0: { 1: LATE } });
        await stack.database.sql`truncate ticks`;
        await store(stack);
        const report = await audit(stack.options);
        deepStrictEqual(report.differences, []);
        strictEqual(report.verdict, "balances");
        const sum = (value: (row: (typeof report.rows)[number]) => number) =>
          report.rows.reduce((total, row) => total + value(row), 0);
        // Two ticks, two replays of the late one for the aggregator, the mended one for both.
        deepStrictEqual(
          [sum((row) => row.accepted.count), sum((row) => row.unconfirmed.count)],
          [5, 0],
        );
        deepStrictEqual(
          [sum((row) => row.processed.count), sum((row) => row.stored.count)],
          [4, 3],
        );
      });

      await context.step("ask for what they need, in a sentence", async () => {
        for (
          const [options, sentence] of [
            [["replay"], /^Say which letters to replay/],
            [["replay", "--all", "--stage", "sink"], /^Say which letters to replay/],
            [["replay", "--stage", "sink", "--value", "{}"], /^--value corrects one letter/],
            [["replay", "--offset", "x"], /^--offset must be a whole number: it is x/],
            [["list", "--limit", "0"], /^--limit must be a whole number from 1/],
            [["forget"], /^There is no deno task dead-letters forget/],
            [["list", "--odd"], /^Unknown option '--odd'/],
          ] as const
        ) {
          const { code, stderr } = await deadLetters(stack, ...options);
          strictEqual(code, 1);
          match(stderr, sentence);
        }
      });
    } finally {
      await stack.close();
    }

    await context.step("of any size go in sends that the broker takes", async () => {
      const large = await openStack(servers, "large-letters");
      try {
        // A tick may carry more than its fields; both are for one partition.
        const ticks = [230_000, 840_000].map((bytes, index) =>
          JSON.stringify({ ...tickOf(index), note: "x".repeat(bytes) })
        );
        for (const tick of ticks) {
          await withSender(large, (others) => others.send([tickRecord(large, 0, MINUTE, tick)]));
        }
        await aggregate(large, { 0: { 0: LATE, 1: LATE } });
        const { code, stdout, stderr } = await deadLetters(large, "replay", "--all");
        deepStrictEqual([code, stderr], [0, ""]);
        match(stdout, /^replayed 2 /);
        strictEqual((await replayed(large)).length, 2);
      } finally {
        await large.close();
      }
    });
  }));
