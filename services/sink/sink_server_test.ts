import { Buffer } from "node:buffer";
import {
  deepStrictEqual,
  doesNotMatch,
  match,
  notStrictEqual,
  strictEqual,
} from "node:assert/strict";
import type { Admin } from "kafkajs";
import type { Candle } from "../../contract/candle.ts";
import { RECORD_KIND_HEADER } from "../../contract/records.ts";
import { withServers } from "../../infra/local/test_servers.ts";
import { eventually, withService } from "../../infra/testing/test_service.ts";
import type { Database } from "../../runtime/database.ts";
import { readDeadLetter } from "../../runtime/dead_letters.ts";
import { createKafka } from "../../runtime/kafka.ts";
import { openReader } from "../../runtime/kafka_reader.ts";
import type { OutgoingRecord } from "../../runtime/kafka_sender.ts";
import {
  countTicks,
  PARTITIONS,
  readTopic,
  sendRecords,
  someTicks,
  storedPositions,
  testKafka,
  tickRecord,
  ticksAreWaitedFor,
  whileTicksAreLocked,
  withFresh,
} from "./sink_test_data.ts";

/** Ends of all partitions of a topic, for a reader of committed records. */
async function endsOf(bootstrap: string, topic: string): Promise<bigint[]> {
  const reader = await openReader(testKafka(bootstrap));
  try {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    return await Promise.all(
      partitions.map(async (partition) => (await reader.ends(topic, partition)).last_stable),
    );
  } finally {
    await reader.close();
  }
}

async function withAdmin<Result>(
  bootstrap: string,
  use: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = createKafka(testKafka(bootstrap)).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** What a group has told Kafka of each partition of a topic. */
async function toldOffsets(bootstrap: string, group: string, topic: string): Promise<bigint[]> {
  return await withAdmin(bootstrap, async (admin) => {
    const [told] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    return told!.partitions.sort((one, other) => one.partition - other.partition)
      .map(({ offset }) => BigInt(offset));
  });
}

/** Waits until the database has a consumer at the end of every partition. */
async function reachedEnd(bootstrap: string, topic: string, database: Database): Promise<void> {
  const ends = await endsOf(bootstrap, topic);
  await eventually(async () => {
    const positions = await storedPositions(database, topic).catch(() => []);
    return String(positions) === String(ends);
  }, `the sink to be at the ends ${ends} of ${topic}`);
}

async function rowsReach(database: Database, rows: number): Promise<void> {
  await eventually(
    async () => await countTicks(database).then((found) => found.rows >= rows, () => false),
    `${rows} rows`,
  );
  deepStrictEqual(await countTicks(database), { rows, places: rows });
}

const CANDLE: Candle = {
  source: "test",
  symbol: "A",
  interval: "1m",
  window_start: 1_700_000_040_000,
  open: 1,
  high: 2,
  low: 0.5,
  close: 1.5,
  volume: 10,
  trades: 3,
  vwap: null,
  average_price: 1.25,
  sliding_average_price: null,
  change_pct: 50,
  final: false,
};

Deno.test("the sink over real servers", async (test) => {
  await withServers({ kafka: true, postgres: true }, async (servers) => {
    const { bootstrap } = servers;

    await test.step("ticks become rows once, also those that come while it runs", async () => {
      await withFresh(servers, "ticks", async ({ topics, environment }, database) => {
        const send = (count: number, first: number): Promise<void> =>
          sendRecords(
            bootstrap,
            someTicks(count, first).map((tick) => tickRecord(topics.ticks, tick)),
          );
        await send(5_000, 0);
        await withService("sink", environment, async (sink) => {
          await sink.ready();
          await rowsReach(database, 5_000);
          await send(500, 5_000);
          await rowsReach(database, 5_500);
          const text = await sink.metrics();
          for (
            const line of [
              'tapeline_records_received_total{from="ticks",service="sink"} 5500',
              'tapeline_records_sent_total{to="ticks",service="sink"} 5500',
              'tapeline_sink_rows_stored_total{table="ticks",service="sink"} 5500',
            ]
          ) strictEqual(text.includes(line), true, line);
          strictEqual(await sink.stop(), 0);
        });
        // Kafka was told as well, for whoever watches lag.
        deepStrictEqual(
          await toldOffsets(bootstrap, "ticks", topics.ticks),
          await endsOf(bootstrap, topics.ticks),
        );
      });
    });

    await test.step("what is stored during a stop is told to Kafka too", async () => {
      await withFresh(servers, "stopped", async ({ topics, environment }, database) => {
        const ticks = someTicks(3_000).map((tick) => tickRecord(topics.ticks, tick));
        await withService("sink", environment, async (sink) => {
          await sink.ready();
          const stopped = Promise.withResolvers<number>();
          await whileTicksAreLocked(database, async () => {
            await sendRecords(bootstrap, ticks);
            await ticksAreWaitedFor(database, 1);
            sink.stop().then(stopped.resolve, stopped.reject);
            const url = await sink.operationsUrl();
            await eventually(async () => {
              const { reasons } = await (await fetch(`${url}/ready`)).json();
              return String(reasons) === "stopping";
            }, "the stop to begin");
          });
          strictEqual(await stopped.promise, 0);
        });
        const positions = await storedPositions(database, topics.ticks);
        deepStrictEqual(await toldOffsets(bootstrap, "stopped", topics.ticks), positions);
        notStrictEqual((await countTicks(database)).rows, 0);
      });
    });

    await test.step("a position that nobody has told to Kafka is told by the next to have it", async () => {
      await withFresh(servers, "untold", async ({ topics, environment }, database) => {
        const ticks = someTicks(3_000).map((tick) => tickRecord(topics.ticks, tick));
        await sendRecords(bootstrap, ticks);
        await withService("sink", environment, async (sink) => {
          await rowsReach(database, 3_000);
          strictEqual(await sink.stop(), 0);
        });
        await withAdmin(bootstrap, async (admin) => {
          const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
            partition,
            offset: "0",
          }));
          await eventually(
            () =>
              admin.setOffsets({ groupId: "untold", topic: topics.ticks, partitions })
                .then(() => true, () => false),
            "the group to be without members",
          );
        });
        await withService("sink", environment, async () => {
          const ends = await endsOf(bootstrap, topics.ticks);
          await eventually(
            async () =>
              String(await toldOffsets(bootstrap, "untold", topics.ticks)) === String(ends),
            "Kafka to be told",
          );
        });
        deepStrictEqual(await countTicks(database), { rows: 3_000, places: 3_000 });
      });
    });

    await test.step("what is no tick is a dead letter, and the ticks around it are rows", async () => {
      await withFresh(servers, "bad", async ({ topics, environment }, database) => {
        const [tick] = someTicks(1);
        const record = tickRecord(topics.ticks, tick!);
        const bad: { value: OutgoingRecord["value"]; reason: string }[] = [
          { value: null, reason: "empty_value" },
          { value: "{", reason: "not_json" },
          { value: new Uint8Array([0xff, 0xfe]), reason: "not_utf8" },
          { value: "[]", reason: "not_an_object" },
          { value: JSON.stringify({ ...tick, price: 0 }), reason: "price_invalid" },
          { value: "x".repeat(1_000_000), reason: "not_json" },
        ];
        const marker = { ...record, value: "{}", headers: { [RECORD_KIND_HEADER]: "marker" } };
        await sendRecords(bootstrap, [record, marker]);
        for (const { value } of bad) {
          const bytes = value instanceof Uint8Array ? Buffer.from(value) : value;
          await sendRecords(bootstrap, [{ ...record, value: bytes, headers: { own: "kept" } }]);
        }
        await sendRecords(bootstrap, [record, marker]);
        await withService("sink", environment, async (sink) => {
          await reachedEnd(bootstrap, topics.ticks, database);
          deepStrictEqual(await countTicks(database), { rows: 2, places: 2 });
          const letters = (await readTopic(bootstrap, topics.dead_letters)).map(readDeadLetter);
          deepStrictEqual(letters.map(({ reason }) => reason), bad.map(({ reason }) => reason));
          for (const [index, letter] of letters.entries()) {
            const { value } = bad[index]!;
            deepStrictEqual(letter.value, value === null ? null : Buffer.from(value));
            strictEqual(String(letter.headers.own), "kept");
            strictEqual(letter.stage, "sink");
          }
          match(
            await sink.metrics(),
            /tapeline_records_discarded_total\{reason="not_json",service="sink"\} 2/,
          );
        });
      });
    });

    await test.step("candles come from committed transactions, the newest of each counts", async () => {
      await withFresh(servers, "candles", async ({ topics, environment }, database) => {
        const producer = createKafka(testKafka(bootstrap)).producer({
          transactionalId: "candles-test",
          idempotent: true,
          maxInFlightRequests: 1,
        });
        await producer.connect();
        const send = async (candles: unknown[], commit: boolean): Promise<void> => {
          const transaction = await producer.transaction();
          await transaction.send({
            topic: topics.candles,
            messages: [
              ...candles.map((candle) => ({
                key: "candle",
                value: JSON.stringify(candle),
                partition: 0,
              })),
              {
                key: "state",
                value: "{}",
                partition: 0,
                headers: { [RECORD_KIND_HEADER]: "state" },
              },
            ],
          });
          await (commit ? transaction.commit() : transaction.abort());
        };
        const closes = async (): Promise<unknown[]> => [
          ...await database.sql`SELECT symbol, close, final FROM candles ORDER BY symbol`,
        ];
        await withService("sink", environment, async (sink) => {
          await sink.ready();
          await send([CANDLE, { ...CANDLE, close: 1.6 }, { ...CANDLE, symbol: "B" }], true);
          await send([{ ...CANDLE, close: 99 }], false);
          await reachedEnd(bootstrap, topics.candles, database);
          deepStrictEqual(await closes(), [
            { symbol: "A", close: 1.6, final: false },
            { symbol: "B", close: 1.5, final: false },
          ]);
          // Nothing but an aborted transaction: the position must still get past it.
          await send([{ ...CANDLE, close: 98 }], false);
          await reachedEnd(bootstrap, topics.candles, database);
          await send([{ ...CANDLE, close: 1.7, final: true }, { ...CANDLE, trades: "3" }], true);
          await reachedEnd(bootstrap, topics.candles, database);
          deepStrictEqual((await closes())[0], { symbol: "A", close: 1.7, final: true });
          const letters = (await readTopic(bootstrap, topics.dead_letters)).map(readDeadLetter);
          deepStrictEqual(letters.map(({ reason }) => reason), ["candle_malformed"]);
          doesNotMatch(await sink.metrics(), /^tapeline_errors_total\{.*\} [^0]/m);
        });
        await producer.disconnect();
      });
    });

    await test.step("records that were aborted wait for the ticks before them", async () => {
      await withFresh(servers, "aborted", async ({ topics, environment }, database) => {
        const sendTo = (partition: number) => {
          const [tick] = someTicks(1);
          return sendRecords(bootstrap, [{ ...tickRecord(topics.ticks, tick!), partition }]);
        };
        const producer = createKafka(testKafka(bootstrap)).producer({
          transactionalId: "aborted-test",
          idempotent: true,
          maxInFlightRequests: 1,
        });
        await producer.connect();
        await withService("sink", environment, async (sink) => {
          await sink.ready();
          await whileTicksAreLocked(database, async () => {
            await sendTo(0);
            await ticksAreWaitedFor(database, 1);
            const transaction = await producer.transaction();
            await transaction.send({
              topic: topics.ticks,
              messages: [{ value: "{}", partition: 0 }],
            });
            await transaction.abort();
            const ends = () => endsOf(bootstrap, topics.ticks);
            await eventually(async () => (await ends())[0] === 3n, "its marker to be there");
            // It is fetched after it.
            await sendTo(1);
            await ticksAreWaitedFor(database, 2);
          });
          await reachedEnd(bootstrap, topics.ticks, database);
          deepStrictEqual(await countTicks(database), { rows: 2, places: 2 });
        });
        await producer.disconnect();
      });
    });

    await test.step("a database of another cluster, or ahead of the topic, is refused", async () => {
      await withFresh(servers, "foreign", async ({ topics, environment }, database) => {
        const ticks = someTicks(100).map((tick) => tickRecord(topics.ticks, tick));
        await sendRecords(bootstrap, ticks);
        await withService("sink", environment, async (sink) => {
          await rowsReach(database, 100);
          strictEqual(await sink.stop(), 0);
        });
        await database.sql`CREATE TABLE before AS TABLE kafka_offsets`;
        for (
          const { change, says } of [
            { change: "cluster_id = 'elsewhere'", says: /cluster elsewhere.*DATABASE_URL/ },
            { change: "next_offset = next_offset + 1000", says: /the topic ends at.*DATABASE_URL/ },
          ]
        ) {
          await database.sql.unsafe(`UPDATE kafka_offsets SET ${change}`);
          await withService("sink", environment, async (sink) => {
            // A supervisor does not start it again.
            strictEqual(await sink.ended(), 2);
            match(String((await sink.line(({ event }) => event === "failed")).error), says);
          });
          await database.sql`TRUNCATE kafka_offsets`;
          await database.sql`INSERT INTO kafka_offsets TABLE before`;
        }
        await sendRecords(bootstrap, ticks);
        await withService("sink", environment, () => rowsReach(database, 200));
      });
    });

    await test.step("a partition that goes to another instance is no longer shown", async () => {
      await withFresh(servers, "shown", async ({ topics, environment }) => {
        const ticks = someTicks(100).map((tick) => tickRecord(topics.ticks, tick));
        await sendRecords(bootstrap, ticks);
        const gauges = ["tapeline_sink_lag_records", "tapeline_sink_next_offset"];
        await withService("sink", environment, async (first) => {
          const shown = (gauge: string, isWanted: (partitions: number) => boolean) =>
            eventually(async () => {
              const lines = (await first.metrics()).split("\n");
              const start = `${gauge}{topic="${topics.ticks}"`;
              return isWanted(lines.filter((line) => line.startsWith(start)).length);
            }, `${gauge} of the right partitions`);
          for (const gauge of gauges) await shown(gauge, (partitions) => partitions === PARTITIONS);
          await withService("sink", environment, async (second) => {
            await second.ready();
            for (const gauge of gauges) await shown(gauge, (partitions) => partitions < PARTITIONS);
          });
        });
      });
    });

    await test.step("records that retention deleted first are counted, and it goes on", async () => {
      await withFresh(servers, "trimmed", async ({ topics, environment }, database) => {
        const send = (): Promise<void> =>
          sendRecords(
            bootstrap,
            someTicks(300).map((tick) => ({ ...tickRecord(topics.ticks, tick), partition: 0 })),
          );
        await send();
        await withService("sink", environment, () => rowsReach(database, 300));
        await send();
        const admin = createKafka(testKafka(bootstrap)).admin();
        await admin.connect();
        // It must have looked at the topic once.
        await admin.fetchTopicOffsets(topics.ticks);
        await admin.deleteTopicRecords({
          topic: topics.ticks,
          partitions: [{ partition: 0, offset: "450" }],
        });
        await admin.disconnect();
        await withService("sink", environment, async (sink) => {
          await rowsReach(database, 450);
          match(await sink.metrics(), /tapeline_records_trimmed_total\{service="sink"\} 150/);
          strictEqual((await sink.line(({ event }) => event === "trimmed")).records, "150");
        });
      });
    });
  });
});
