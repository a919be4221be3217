/** Whatever others write into the tick topic, each bad record is a dead letter and no good one is lost. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { DEAD_LETTER_HEAD_BYTES, DEAD_LETTER_HEADERS } from "../../contract/dead_letter.ts";
import { RECORD_KIND_HEADER } from "../../contract/records.ts";
import type { Tick } from "../../contract/tick.ts";
import { TICK_RECORD_BYTES_MAX } from "../../contract/topics.ts";
import { type DeadLetter, readDeadLetter } from "../../runtime/dead_letters.ts";
import { openSender, type OutgoingRecord } from "../../runtime/kafka_sender.ts";
import { cutSends } from "../../runtime/send_sizes.ts";
import { audit } from "../ledger/audit.ts";
import { openStack, PARTITIONS, readAll, type StackUnderTest } from "../ledger/test_stack.ts";
import type { TickStage } from "../ledger/tick_book.ts";
import { withServers } from "../local/test_servers.ts";
import { eventually, type ServiceUnderTest, withService } from "../testing/test_service.ts";
import { BAD_RECORDS, type BadRecord, goodTick, HOME, SOURCE, SYMBOL } from "./test_bad_records.ts";

/** A record's place in the topic. */
type Placed<Record> = Record & { place: string };

const bytesOf = (value: string | Uint8Array | null): Uint8Array | null =>
  typeof value === "string" ? new TextEncoder().encode(value) : value;

/** Writes each bad record between two good ticks, and in the end that the source has ended. */
async function fillTopic(stack: StackUnderTest): Promise<{
  bad: Placed<BadRecord>[];
  good: Placed<Tick>[];
}> {
  const topic = stack.options.tick_topic;
  const records: OutgoingRecord[] = [];
  const next_offsets = Array.from({ length: PARTITIONS }, () => 0);
  const add = (record: Pick<OutgoingRecord, "value" | "key" | "headers">, partition: number) => {
    records.push({ topic, partition, timestamp_ms: Date.now(), ...record });
    return `${partition}/${next_offsets[partition]!++}`;
  };
  const addGood = (number: number) => {
    const tick = goodTick(number);
    // A good tick without a key is as good.
    const key = number === 1 ? null : SYMBOL;
    return { ...tick, place: add({ key, value: JSON.stringify(tick) }, HOME) };
  };
  const good = [addGood(0)];
  const bad = BAD_RECORDS.map((each, number) => {
    const { value, key = SYMBOL, partition = HOME, headers = {} } = each;
    const place = add({ key, value, headers: { own: "kept", ...headers } }, partition);
    good.push(addGood(number + 1));
    return { ...each, place };
  });
  await send(stack, records);
  // From a producer of its own, so that the ledger takes the ticks as others'.
  add({
    key: SOURCE,
    value: JSON.stringify({ source: SOURCE, run: "test", ended: true, confirmed: [] }),
    headers: { [RECORD_KIND_HEADER]: "marker" },
  }, HOME);
  await send(stack, records.slice(-1));
  return { bad, good };
}

async function send(stack: StackUnderTest, records: readonly OutgoingRecord[]): Promise<void> {
  const sender = await openSender(stack.kafka, "gzip");
  try {
    for (const some of cutSends(records)) await sender.send(some);
  } finally {
    await sender.close();
  }
}

/** Dead letters by stage and place; one that is there twice is an error. */
async function lettersByPlace(stack: StackUnderTest): Promise<Map<string, DeadLetter>> {
  const letters = new Map<string, DeadLetter>();
  for (const record of await readAll(stack, stack.options.dead_letter_topic, 0)) {
    const letter = readDeadLetter(record);
    const { origin } = letter;
    ok(origin && "topic" in origin, "a dead letter without its place");
    strictEqual(origin.topic, stack.options.tick_topic);
    const name = `${letter.stage} ${origin.partition}/${origin.offset}`;
    strictEqual(letters.has(name), false, `${name} is there twice`);
    letters.set(name, letter);
  }
  return letters;
}

function assertLetter(letter: DeadLetter | undefined, bad: BadRecord, reason: string): void {
  const { what } = bad;
  ok(letter, `${what}: no dead letter`);
  strictEqual(letter.reason, reason, `${what}: ${letter.message}`);
  ok(letter.message.length > 10, what);
  strictEqual(letter.key === null ? null : String(letter.key), bad.key === null ? null : SYMBOL);
  const bytes = bytesOf(bad.value);
  if (bytes === null || bytes.length <= TICK_RECORD_BYTES_MAX) {
    strictEqual(letter.cut_from_bytes, null, what);
    strictEqual(String(letter.headers.own), "kept", what);
    strictEqual(hexOf(letter.value), hexOf(bytes), `${what}: other bytes than came in`);
    return;
  }
  strictEqual(letter.cut_from_bytes, bytes.length, what);
  strictEqual(hexOf(letter.value), hexOf(bytes.subarray(0, DEAD_LETTER_HEAD_BYTES)), what);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  strictEqual(String(letter.headers[DEAD_LETTER_HEADERS.value_sha256]), sha256, what);
}

const hexOf = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString("hex");

/** Holds a stage's count of what it discarded, by reason, against what it must refuse. */
async function assertCounted(stage: TickStage, service: ServiceUnderTest): Promise<void> {
  const expected: { [reason: string]: number } = {};
  for (const { reasons } of BAD_RECORDS) {
    const reason = reasons[stage];
    if (reason !== null) expected[reason] = (expected[reason] ?? 0) + 1;
  }
  const counter = /^tapeline_records_discarded_total\{reason="(\w+)".*\} (\d+)$/gm;
  const counted = [...(await service.metrics()).matchAll(counter)]
    .map(([, reason, count]) => [reason, Number(count)]);
  deepStrictEqual(Object.fromEntries(counted), expected, `what the ${stage} has counted`);
}

async function assertStored(
  { database: { sql } }: StackUnderTest,
  bad: readonly Placed<BadRecord>[],
  good: readonly Placed<Tick>[],
): Promise<void> {
  const rows = await sql`
    select kafka_partition || '/' || kafka_offset as place, source, symbol, price, volume,
      (extract(epoch from event_time) * 1000)::float8 as timestamp
    from ticks`;
  const also = bad.filter(({ is_stored }) => is_stored)
    .map(({ value, place }) => ({ ...JSON.parse(String(value)), place }));
  const expected = [...good, ...also];
  const byPlace = (ticks: readonly { place?: string }[]) =>
    Object.fromEntries(ticks.map((tick) => [tick.place, { ...tick }]));
  strictEqual(rows.length, expected.length);
  deepStrictEqual(byPlace(rows), byPlace(expected));

  const prices = good.map(({ price }) => price);
  const candles = await sql`
    select open, high, low, close, volume, trades::float8, final from candles`;
  const candle = {
    open: prices[0],
    high: Math.max(...prices),
    low: Math.min(...prices),
    close: prices.at(-1),
    volume: good.reduce((sum, { volume }) => sum + volume, 0),
    trades: good.length,
    final: true,
  };
  // One of each interval: nothing bad has made another.
  deepStrictEqual(candles.map((row) => ({ ...row })), [candle, candle, candle, candle]);
}

Deno.test("each bad record in the tick topic is a dead letter of each stage, the good ones are stored", async () => {
  ok(BAD_RECORDS.length >= 40);
  await withServers({ kafka: true, postgres: true }, async (servers) => {
    const stack = await openStack(servers, "door");
    const { options } = stack;
    const environment = {
      KAFKA_BOOTSTRAP_SERVERS: servers.bootstrap,
      KAFKA_TOPIC: options.tick_topic,
      TAPELINE_CANDLE_TOPIC: options.candle_topic,
      TAPELINE_DEAD_LETTER_TOPIC: options.dead_letter_topic,
    };
    const database = { DATABASE_URL: String(options.database_url) };
    try {
      await withService(
        "aggregator",
        environment,
        (aggregator) =>
          withService("sink", { ...environment, ...database }, async (sink) => {
            const { bad, good } = await fillTopic(stack);
            await eventually(async () => {
              const final = await stack.database.sql`select from candles where final`;
              return final.length === 4;
            }, "the final candles");
            await eventually(async () => {
              const { rows } = await audit(options);
              return rows.length > 0 && rows.every(({ verdict }) => verdict !== "pending");
            }, "both stages to have passed every record");

            const letters = await lettersByPlace(stack);
            for (const each of bad) {
              for (const [stage, reason] of Object.entries(each.reasons)) {
                const name = `${stage} ${each.place}`;
                if (reason !== null) assertLetter(letters.get(name), each, reason);
                else {strictEqual(
                    letters.has(name),
                    false,
                    `${each.what}: a letter of the ${stage}`,
                  );}
                letters.delete(name);
              }
            }
            deepStrictEqual([...letters.keys()], [], "letters of good ticks");
            await assertStored(stack, bad, good);
            await assertCounted("aggregator", aggregator);
            await assertCounted("sink", sink);
            const { verdict, differences } = await audit(options);
            deepStrictEqual({ verdict, differences }, { verdict: "balances", differences: [] });
            console.log(`${bad.length} bad records, ${good.length} good ticks between them`);
          }),
      );
    } finally {
      await stack.close();
    }
  });
});
