import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { Candle } from "../../contract/candle.ts";
import { DEAD_LETTER_HEADERS } from "../../contract/dead_letter.ts";
import { withServers } from "../../infra/local/test_servers.ts";
import { eventually, withService } from "../../infra/testing/test_service.ts";
import { createKafka } from "../../runtime/kafka.ts";
import { openReader } from "../../runtime/kafka_reader.ts";
import { byTopic, type OutgoingRecord } from "../../runtime/kafka_sender.ts";
import { migrate } from "./migrate.ts";
import {
  readTopic,
  sendRecords,
  someTicks,
  storedPositions,
  testKafka,
  tickRecord,
  withFresh,
} from "./sink_test_data.ts";

const CANDLE: Candle = {
  ...{ source: "test", symbol: "A", interval: "1m", window_start: 60_000 },
  ...{ open: 1, high: 2, low: 0.5, close: 1.5, volume: 10, trades: 3, vwap: null },
  ...{ average_price: 1.25, sliding_average_price: null, change_pct: 50, final: false },
};

/** Letters that no compression makes shorter. */
function incompressible(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => String.fromCharCode(97 + byte % 26)).join("");
}

/** Some ticks in partition 0, in a transaction of their own. */
async function transact(
  bootstrap: string,
  records: readonly OutgoingRecord[],
  ending: "commit" | "abort",
): Promise<void> {
  const producer = createKafka(testKafka(bootstrap)).producer({
    ...{ transactionalId: "test", idempotent: true, maxInFlightRequests: 1 },
  });
  await producer.connect();
  try {
    const transaction = await producer.transaction();
    await transaction.sendBatch({ acks: -1, topicMessages: byTopic(records) });
    await transaction[ending]();
  } finally {
    await producer.disconnect();
  }
}

Deno.test("sink: nothing that others write or leave behind stops it or goes by unseen", async (test) => {
  await withServers({ kafka: true, postgres: true }, async (servers) => {
    const { bootstrap } = servers;

    await test.step("a candle whose names no index could hold is a dead letter", async () => {
      await withFresh(servers, "names", async ({ topics, environment }, database) => {
        const candleRecord = (candle: Candle): OutgoingRecord => ({
          ...{ topic: topics.candles, partition: 0, key: "k", timestamp_ms: Date.now() },
          value: JSON.stringify(candle),
        });
        await sendRecords(bootstrap, [
          candleRecord({ ...CANDLE, source: incompressible(10_000) }),
          candleRecord(CANDLE),
        ]);
        await withService("sink", environment, async (sink) => {
          await sink.ready();
          await eventually(
            async () => (await storedPositions(database, topics.candles))[0] === 2n,
            "the candles to be stored",
            20_000,
          );
        });
        const stored = await database.sql`SELECT source FROM candles`;
        deepStrictEqual(stored.map(({ source }) => source), ["test"]);
        const letters = await readTopic(bootstrap, topics.dead_letters);
        deepStrictEqual(
          letters.map(({ headers }) => String(headers![DEAD_LETTER_HEADERS.class])),
          ["candle_malformed"],
        );
      });
    });

    await test.step("a database of a newer release ends it at once, and says what to do", async () => {
      await withFresh(servers, "newer", async ({ environment }, database) => {
        await migrate(database);
        await database.sql`
          INSERT INTO schema_migrations (name, checksum) VALUES ('9999_later.sql', 'x')`;
        await withService("sink", environment, async (sink) => {
          strictEqual(await sink.ended(), 2);
          match(sink.output(), /does not know \(9999_later\.sql\)/);
        });
      });
    });

    await test.step("what retention deleted before an aborted transaction is counted", async () => {
      await withFresh(servers, "aborted", async ({ topics, environment }, database) => {
        const records = (count: number): OutgoingRecord[] =>
          someTicks(count).map((tick) => ({ ...tickRecord(topics.ticks, tick), partition: 0 }));
        const reaches = async (offset: bigint): Promise<void> =>
          await eventually(
            async () => (await storedPositions(database, topics.ticks))[0] === offset,
            `the position ${offset}`,
            20_000,
          );
        const reader = await openReader(testKafka(bootstrap));
        const admin = createKafka(testKafka(bootstrap)).admin();
        await admin.connect();
        // It must have looked at the topic once.
        await admin.fetchTopicOffsets(topics.ticks);
        await withService("sink", environment, async (sink) => {
          await sink.ready();
          // Each transaction ends with a marker that takes an offset too.
          await transact(bootstrap, records(10), "commit");
          await reaches(11n);
          Deno.kill(sink.pid, "SIGSTOP");
          try {
            // Once a fetch that waits longer has its answer, what it left open has its own too.
            await reader.fetch(topics.ticks, 0, 11n, 500);
            await transact(bootstrap, records(20), "commit");
            await transact(bootstrap, records(5), "abort");
            await admin.deleteTopicRecords({
              topic: topics.ticks,
              partitions: [{ partition: 0, offset: "32" }],
            });
          } finally {
            Deno.kill(sink.pid, "SIGCONT");
          }
          await reaches(38n);
          match(await sink.metrics(), /tapeline_records_trimmed_total\{service="sink"\} 21\n/);
        });
        await admin.disconnect();
        await reader.close();
      });
    });
  });
});
