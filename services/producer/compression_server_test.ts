import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { partitionOf } from "../../contract/partition.ts";
import { DEFAULT_TOPIC_NAMES } from "../../contract/topics.ts";
import { withServers } from "../../infra/local/test_servers.ts";
import { makeTopics, readTicks, withProducer } from "./test_producer.ts";

/** Bits 0 to 2 of a record batch's attributes (https://kafka.apache.org/documentation/#recordbatch). */
const CODES = { none: 0, gzip: 1, snappy: 2, zstd: 4 } as const;
const CODE_BITS = 7;
const PARTITIONS = 3;
const TICKS = 60;

/** Where fields lie in a record batch, in bytes. */
const LENGTH_AT = 8;
const RECORDS_FROM = 12;
const ATTRIBUTES_AT = 21;
const PRODUCER_ID_AT = 43;

/** The compression codes of each producer's batches, as they lie in the broker's own file. */
async function codesOnDisk(data_dir: string): Promise<Map<string, Set<number>>> {
  const codes = new Map<string, Set<number>>();
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const directory = `${data_dir}/kafka/data/${DEFAULT_TOPIC_NAMES.ticks}-${partition}`;
    const log = Buffer.from(await Deno.readFile(`${directory}/${"0".repeat(20)}.log`));
    // The file is made longer than what is in it: a length of 0 is its end.
    for (let at = 0; at < log.length && log.readInt32BE(at + LENGTH_AT) > 0;) {
      const producer_id = String(log.readBigInt64BE(at + PRODUCER_ID_AT));
      const found = codes.get(producer_id) ?? new Set();
      codes.set(producer_id, found.add(log.readInt16BE(at + ATTRIBUTES_AT) & CODE_BITS));
      at += RECORDS_FROM + log.readInt32BE(at + LENGTH_AT);
    }
  }
  return codes;
}

/** Ticks told apart by symbol, with what compression could garble. */
function ticksOf(compression: string) {
  return Array.from({ length: TICKS }, (_, at) => ({
    symbol: `${compression}-€-${at}`,
    price: 1.25 + at,
    volume: at,
    timestamp: 1_700_000_000_000 + at,
    trade_id: `${at}`.repeat(at % 40),
  })).map(({ trade_id, ...tick }) => trade_id === "" ? tick : { ...tick, trade_id });
}

async function post(url: string, ticks: unknown): Promise<void> {
  const response = await fetch(`${url}/ticks`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(ticks),
  });
  strictEqual(response.status, 202, await response.text());
}

Deno.test("each compression: ticks arrive whole, in batches that the broker keeps compressed so", async () => {
  await withServers({ kafka: true }, async ({ bootstrap, data_dir }) => {
    await makeTopics(bootstrap);
    for (const compression of Object.keys(CODES)) {
      const environment = { TAPELINE_SOURCE: "http", TAPELINE_KAFKA_COMPRESSION: compression };
      await withProducer(bootstrap, environment, async (producer) => {
        await post(await producer.httpUrl(), ticksOf(compression));
        strictEqual(await producer.stop(), 0);
      });
    }
    const content = await readTicks(bootstrap);
    const codes = await codesOnDisk(data_dir);
    for (const [compression, code] of Object.entries(CODES)) {
      const arrived = content.ticks.filter(({ tick }) => tick.symbol.startsWith(compression))
        .sort((left, right) => left.tick.timestamp - right.tick.timestamp);
      deepStrictEqual(
        arrived.map(({ record }) => JSON.parse(String(record.value))),
        ticksOf(compression).map((tick) => ({ ...tick, source: "http" })),
      );
      for (const { tick, partition, record } of arrived) {
        strictEqual(String(record.key), tick.symbol);
        strictEqual(partition, partitionOf(tick.symbol, PARTITIONS));
      }
      strictEqual(new Set(arrived.map(({ partition }) => partition)).size, PARTITIONS);
      const producer_id = arrived[0]!.record.batchContext.producerId;
      ok(arrived.every(({ record }) => record.batchContext.producerId === producer_id));
      deepStrictEqual([...codes.get(producer_id)!], [code], `the batches of ${compression}`);
    }
  });
});
