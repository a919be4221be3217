import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { CandleRecord } from "../../contract/candle.ts";
import { DEAD_LETTER_HEADERS } from "../../contract/dead_letter.ts";
import { partitionOf } from "../../contract/partition.ts";
import { type LedgerRecord, RECORD_KIND_HEADER } from "../../contract/records.ts";
import { DEFAULT_TOPIC_NAMES, topicShapes } from "../../contract/topics.ts";
import { withServers } from "../../infra/local/test_servers.ts";
import { eventually, startService, withService } from "../../infra/testing/test_service.ts";
import { hasSharedData, readBars, readTickLines } from "../../infra/testing/shared_data.ts";
import { createKafka, ensureTopics, type KafkaOptions } from "../../runtime/kafka.ts";
import {
  openReader,
  type PartitionReader,
  readRange,
  type ReadRecord,
} from "../../runtime/kafka_reader.ts";
import { openSender, type OutgoingRecord } from "../../runtime/kafka_sender.ts";
import { createLogger } from "../../runtime/log.ts";

const PARTITIONS = 3;
const SOURCE = "replay/equity";
const TOPICS = DEFAULT_TOPIC_NAMES;

function kafkaOptions(bootstrap: string): KafkaOptions {
  return {
    bootstrap_servers: [bootstrap],
    client_id: "test",
    log: createLogger("test", "error", () => {}),
  };
}

async function makeTopics(bootstrap: string): Promise<void> {
  const shapes = topicShapes({
    names: TOPICS,
    tick_partitions: PARTITIONS,
    retention_ms: 86_400_000,
  });
  await ensureTopics(createKafka(kafkaOptions(bootstrap)), Object.values(shapes));
}

function tickRecord(fields: { [name: string]: unknown }, partition?: number): OutgoingRecord {
  const symbol = String(fields.symbol);
  return {
    topic: TOPICS.ticks,
    partition: partition ?? partitionOf(symbol, PARTITIONS),
    key: symbol,
    value: JSON.stringify({ source: SOURCE, ...fields }),
    timestamp_ms: Date.now(),
  };
}

function endMarkers(source: string): OutgoingRecord[] {
  return Array.from({ length: PARTITIONS }, (_, partition) => ({
    topic: TOPICS.ticks,
    partition,
    key: source,
    value: JSON.stringify({ source, run: "test", ended: true, confirmed: [] }),
    timestamp_ms: Date.now(),
    headers: { [RECORD_KIND_HEADER]: "marker" },
  }));
}

async function readTopic(reader: PartitionReader, topic: string): Promise<ReadRecord[]> {
  const found: ReadRecord[] = [];
  for (let partition = 0; partition < await reader.partitions(topic); partition++) {
    const { earliest, last_stable } = await reader.ends(topic, partition);
    for await (const records of readRange(reader, topic, partition, earliest, last_stable)) {
      found.push(...records);
    }
  }
  return found;
}

function hex(value: Uint8Array | string | null): string | null {
  return value === null ? null : Buffer.from(value as string).toString("hex");
}

/** The newest record of each key of the candle topic, of one kind. */
async function newest<Value>(reader: PartitionReader, kind: string): Promise<Map<string, Value>> {
  const found = new Map<string, Value>();
  for (const record of await readTopic(reader, TOPICS.candles)) {
    if ((record.headers?.[RECORD_KIND_HEADER]?.toString() ?? "candle") !== kind) continue;
    found.set(record.key!.toString(), JSON.parse(record.value!.toString()));
  }
  return found;
}

Deno.test(
  "aggregator: a day of equity trades gives the vendor's bars, through kill -9 and SIGTERM",
  { ignore: !hasSharedData() },
  async () => {
    await withServers({ kafka: true }, async ({ bootstrap }) => {
      await makeTopics(bootstrap);
      const lines = await readTickLines("equity-2013-10-07");
      const environment = {
        KAFKA_BOOTSTRAP_SERVERS: bootstrap,
        TAPELINE_SESSION_TIMEOUT_MS: "2000",
      };
      const sender = await openSender(createKafka(kafkaOptions(bootstrap)), "none");
      const reader = await openReader(kafkaOptions(bootstrap));

      const sendSome = async (from: number, to: number): Promise<void> => {
        for (let at = from; at < to; at += 1_000) {
          await sender.send(
            lines.slice(at, Math.min(at + 1_000, to)).map((line) => {
              const [symbol, timestamp, price, volume, , price_forming] = line.split(",");
              return tickRecord({
                symbol,
                timestamp: Number(timestamp),
                price: Number(price),
                volume: Number(volume),
                price_forming: price_forming === "true",
              });
            }),
          );
        }
      };
      const processed = async (): Promise<number> =>
        [...(await newest<LedgerRecord>(reader, "ledger")).values()]
          .reduce((total, { processed }) => total + processed, 0);

      const parts = 5;
      for (let part = 0; part < parts; part++) {
        const from = Math.floor(lines.length / parts * part);
        const to = Math.floor(lines.length / parts * (part + 1));
        const aggregator = startService("aggregator", environment);
        try {
          await aggregator.ready();
          const sent = sendSome(from, to);
          if (part < parts - 1) {
            // The end comes while ticks of this part are being worked on.
            await eventually(async () => await processed() > from, "some ticks to be processed");
            if (part % 2 === 0) await aggregator.kill();
            else strictEqual(await aggregator.stop(), 0);
            await sent;
          } else {
            await sent;
            await sender.send(endMarkers(SOURCE));
            await eventually(async () => await processed() === lines.length, "all to be processed");
            await eventually(async () => {
              const candles = await newest<CandleRecord>(reader, "candle");
              return [...candles.values()].every((candle) => candle.final);
            }, "the end marker to make all candles final");
          }
        } finally {
          await aggregator.kill();
        }
      }

      const candles = await newest<CandleRecord>(reader, "candle");
      const bars = await readBars("equity-2013-10-07");
      strictEqual(bars.length, 1_040);
      const differing = bars.filter((bar) => {
        const candle = candles.get(`${SOURCE}|${bar.symbol}|${bar.interval}|${bar.window_start}`);
        return candle?.open !== bar.open || candle.high !== bar.high || candle.low !== bar.low ||
          candle.close !== bar.close || candle.volume !== bar.volume;
      });
      deepStrictEqual(differing, []);
      deepStrictEqual(await readTopic(reader, TOPICS.dead_letters), []);
      await sender.close();
      await reader.close();
    });
  },
);

Deno.test("aggregator: what it can't take is in the dead letters with its reason and its bytes", async () => {
  await withServers({ kafka: true }, async ({ bootstrap }) => {
    await makeTopics(bootstrap);
    const sender = await openSender(createKafka(kafkaOptions(bootstrap)), "none");
    const reader = await openReader(kafkaOptions(bootstrap));
    const good = { symbol: "A", price: 1, volume: 1, timestamp: Date.now() };
    const home = partitionOf("A", PARTITIONS);
    const refused: [string, OutgoingRecord][] = [
      ["not_json", { ...tickRecord(good), value: '{"symbol":' }],
      ["empty_value", { ...tickRecord(good), value: null }],
      ["not_utf8", { ...tickRecord(good), value: new Uint8Array([0x7b, 0xff]) }],
      ["price_invalid", tickRecord({ ...good, price: -1 })],
      ["far_future", tickRecord({ ...good, timestamp: Date.now() + 100_000 })],
      ["late", tickRecord({ ...good, timestamp: good.timestamp - 10_000 })],
      ["wrong_partition", tickRecord(good, (home + 1) % PARTITIONS)],
      ["marker_malformed", {
        ...tickRecord(good),
        value: '{"event_time":1}',
        headers: { [RECORD_KIND_HEADER]: "marker" },
      }],
    ];
    await sender.send([tickRecord(good), ...refused.map(([, record]) => record), tickRecord(good)]);
    await sender.send(endMarkers(SOURCE));

    await withService("aggregator", { KAFKA_BOOTSTRAP_SERVERS: bootstrap }, async (aggregator) => {
      await eventually(
        async () => (await readTopic(reader, TOPICS.dead_letters)).length >= refused.length,
        "the dead letters",
      );
      const letters = new Map(
        (await readTopic(reader, TOPICS.dead_letters)).map((letter) => [
          letter.headers![DEAD_LETTER_HEADERS.class]!.toString(),
          letter,
        ]),
      );
      deepStrictEqual([...letters.keys()].sort(), refused.map(([reason]) => reason).sort());
      for (const [reason, record] of refused) {
        const letter = letters.get(reason)!;
        deepStrictEqual(hex(letter.value), hex(record.value), reason);
        strictEqual(letter.headers![DEAD_LETTER_HEADERS.stage]!.toString(), "aggregator");
        match(letter.headers![DEAD_LETTER_HEADERS.offset]!.toString(), /^\d+$/);
        strictEqual(letter.timestamp, String(record.timestamp_ms));
      }
      const candles = await newest<CandleRecord>(reader, "candle");
      const minute = Math.floor(good.timestamp / 60_000) * 60_000;
      strictEqual(candles.get(`${SOURCE}|A|1m|${minute}`)?.trades, 2);
      const metrics = await aggregator.metrics();
      for (const [reason] of refused) {
        match(metrics, new RegExp(`discarded_total\\{[^}]*reason="${reason}"[^}]*\\} 1\\b`));
      }
    });
    await sender.close();
    await reader.close();
  });
});

Deno.test("aggregator: unequal partition counts are refused with what to do", async () => {
  await withServers({ kafka: true }, async ({ bootstrap }) => {
    await ensureTopics(createKafka(kafkaOptions(bootstrap)), [
      { topic: TOPICS.ticks, partitions: 3, settings: {} },
      { topic: TOPICS.candles, partitions: 2, settings: {} },
    ]);
    await withService("aggregator", { KAFKA_BOOTSTRAP_SERVERS: bootstrap }, async (aggregator) => {
      strictEqual(await aggregator.ended(), 2);
      match(aggregator.output(), /has 3 partitions and topic aggregated-metrics has 2/);
    });
  });
});
