import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Message, Producer, Transaction } from "kafkajs";
import type { CandleRecord } from "../../contract/candle.ts";
import { RECORD_KIND_HEADER, STATE_KEY, type StateRecord } from "../../contract/records.ts";
import { DEFAULT_TOPIC_NAMES, topicShapes } from "../../contract/topics.ts";
import { withServers } from "../../infra/local/test_servers.ts";
import { eventually, withService } from "../../infra/testing/test_service.ts";
import { createKafka, ensureTopics, type KafkaOptions } from "../../runtime/kafka.ts";
import { openReader, type PartitionReader, readRange } from "../../runtime/kafka_reader.ts";
import { openSender } from "../../runtime/kafka_sender.ts";
import { createLogger } from "../../runtime/log.ts";

const TOPICS = DEFAULT_TOPIC_NAMES;
const GROUP = "aggregator";
const TRANSACTIONAL_ID = `${GROUP}-0`;
const RESTART_DEADLINE_MS = 60_000;

function options(bootstrap: string, client_id = "test"): KafkaOptions {
  return {
    bootstrap_servers: [bootstrap],
    client_id,
    log: createLogger("test", "error", () => {}),
  };
}

/** Reads the only partition of a topic of ours, as a reader of committed records does. */
async function read(reader: PartitionReader, topic: string, partition = 0) {
  const { earliest, last_stable } = await reader.ends(topic, partition);
  const found = [];
  for await (const records of readRange(reader, topic, partition, earliest, last_stable)) {
    found.push(...records);
  }
  return found;
}

/** The newest candle of each key. */
async function candles(reader: PartitionReader): Promise<Map<string, CandleRecord>> {
  const found = new Map<string, CandleRecord>();
  for (const { key, value, headers } of await read(reader, TOPICS.candles)) {
    if (headers?.[RECORD_KIND_HEADER] !== undefined) continue;
    found.set(key!.toString(), JSON.parse(value!.toString()));
  }
  return found;
}

/** How many ticks all windows of a minute hold. */
async function ticksInWindows(reader: PartitionReader): Promise<number> {
  let trades = 0;
  for (const candle of (await candles(reader)).values()) {
    if (candle.interval === "1m") trades += candle.trades;
  }
  return trades;
}

async function newestState(reader: PartitionReader): Promise<StateRecord> {
  const states = (await read(reader, TOPICS.candles))
    .filter(({ headers }) => headers?.[RECORD_KIND_HEADER]?.toString() === "state");
  return JSON.parse(states.at(-1)!.value!.toString());
}

function stateMessage(state: StateRecord): Message {
  return {
    partition: 0,
    key: STATE_KEY,
    value: JSON.stringify(state),
    headers: { [RECORD_KIND_HEADER]: "state" },
  };
}

async function sendOffset(transaction: Transaction, offset: number, metadata: string) {
  const partitions = [{ partition: 0, offset: String(offset), metadata }];
  await transaction.sendOffsets({
    consumerGroupId: GROUP,
    topics: [{ topic: TOPICS.ticks, partitions }],
  });
}

/**
 * What the coordinator last wrote down of our transactional id: the bytes of its record, and where.
 */
async function coordinatorRecord(reader: PartitionReader) {
  const topic = "__transaction_state";
  for (let partition = 0; partition < await reader.partitions(topic); partition++) {
    const records = (await read(reader, topic, partition))
      .filter(({ key }) => key!.toString().includes(TRANSACTIONAL_ID));
    const { key, value } = records.at(-1) ?? {};
    if (key && value) return { topic, messages: [{ partition, key, value }] };
  }
  throw new Error(`No coordinator knows ${TRANSACTIONAL_ID}`);
}

Deno.test("aggregator: transactions whose markers Kafka has lost are made again, once", async (test) => {
  await withServers({ kafka: true }, async ({ bootstrap, kafka: server }) => {
    const kafka = createKafka(options(bootstrap));
    const shapes = topicShapes({ names: TOPICS, tick_partitions: 1, retention_ms: 86_400_000 });
    await ensureTopics(kafka, Object.values(shapes));
    const reader = await openReader(options(bootstrap));
    const admin = kafka.admin();
    await admin.connect();
    // All ticks are of one moment, and so in one window of each interval.
    const timestamp = Date.now();
    let sent = 0;

    const send = async (count: number): Promise<void> => {
      const sender = await openSender(kafka, "none");
      await sender.send(Array.from({ length: count }, () => ({
        ...{ topic: TOPICS.ticks, partition: 0, key: "A", timestamp_ms: Date.now() },
        value: JSON.stringify({ source: "test", symbol: "A", price: 1, volume: 1, timestamp }),
      })));
      await sender.close();
      sent += count;
    };
    const committed = async (): Promise<number> => {
      const [offsets] = await admin.fetchOffsets({ groupId: GROUP, topics: [TOPICS.ticks] });
      return Number(offsets!.partitions[0]!.offset);
    };
    /** Lets the aggregator work until it has all; every tick is in its window once then. */
    const work = async (differs: number): Promise<void> =>
      await withService(
        "aggregator",
        { KAFKA_BOOTSTRAP_SERVERS: bootstrap },
        async (aggregator) => {
          await aggregator.ready();
          await send(5);
          await eventually(async () => await committed() === sent, `the offset ${sent}`, 30_000);
          const told = aggregator.lines.filter(({ event }) => event === "other_offset");
          strictEqual(told.length, differs);
          strictEqual(await aggregator.stop(), 0);
          strictEqual(await ticksInWindows(reader), sent);
        },
      );
    /** Writes as the aggregator of this partition. */
    const asAggregator = async (write: (producer: Producer) => Promise<void>): Promise<void> => {
      const producer = kafka.producer({
        transactionalId: TRANSACTIONAL_ID,
        idempotent: true,
        maxInFlightRequests: 1,
      });
      await producer.connect();
      await write(producer);
      await producer.disconnect();
    };

    await work(0);

    await test.step("all of them", async () => {
      await send(3);
      await asAggregator(async (producer) => {
        const empty = await producer.transaction();
        const known = await coordinatorRecord(reader);
        await empty.abort();
        const transaction = await producer.transaction();
        const state = await newestState(reader);
        const forged = { ...state, next_offset: String(sent) };
        const [[key, candle]] = [...await candles(reader)] as [[string, CandleRecord]];
        const value = JSON.stringify({ ...candle, symbol: "UNDECIDED" });
        const messages = [
          { partition: 0, key: key.replace("A", "UNDECIDED"), value },
          stateMessage(forged),
        ];
        await transaction.sendBatch({
          topicMessages: [
            { topic: TOPICS.candles, messages },
            { topic: TOPICS.dead_letters, messages: [{ partition: 0, value: "a letter" }] },
          ],
        });
        await sendOffset(transaction, sent, state.restore_from);
        // The coordinator is to find that no transaction is open: as after its own fault.
        const forger = createKafka(options(bootstrap, "__admin_client")).producer();
        await forger.connect();
        await forger.send(known);
        await forger.disconnect();
      });
      await server.stop();
      await server.restart(AbortSignal.timeout(RESTART_DEADLINE_MS));
      for (const topic of [TOPICS.candles, TOPICS.dead_letters]) {
        const { last_stable } = await reader.ends(topic, 0);
        ok(last_stable < await reader.end(topic, 0), `${topic} is stable up to ${last_stable}`);
      }

      await work(0);
      for (const topic of [TOPICS.candles, TOPICS.dead_letters]) {
        const { last_stable } = await reader.ends(topic, 0);
        strictEqual(last_stable, await reader.end(topic, 0), topic);
      }
      const symbols = [...(await candles(reader)).values()].map(({ symbol }) => symbol);
      deepStrictEqual([...new Set(symbols)], ["A"]);
      const letters = (await read(reader, TOPICS.dead_letters)).map(({ value }) => String(value));
      deepStrictEqual(letters, ["a letter"]);
    });

    await test.step("those of the offsets", async () => {
      await send(4);
      await asAggregator(async (producer) => {
        const state = await newestState(reader);
        const transaction = await producer.transaction();
        const messages: Message[] = [...await candles(reader)].map(([key, candle]) => ({
          partition: 0,
          key,
          value: JSON.stringify({ ...candle, trades: candle.trades + 2 }),
        }));
        const forged = { ...state, next_offset: String(sent - 2) };
        messages.push(stateMessage(forged));
        await transaction.send({ topic: TOPICS.candles, messages });
        await transaction.commit();
      });
      await work(1);
    });

    await test.step("those of the windows", async () => {
      await send(4);
      await asAggregator(async (producer) => {
        const { restore_from } = await newestState(reader);
        const transaction = await producer.transaction();
        await sendOffset(transaction, sent - 2, restore_from);
        await transaction.commit();
      });
      await work(1);
    });

    await reader.close();
    await admin.disconnect();
  });
});
