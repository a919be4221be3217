import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { addChecksum, tickHash } from "../../contract/ledger.ts";
import { partitionOf } from "../../contract/partition.ts";
import type { Tick } from "../../contract/tick.ts";
import { recordBytes } from "../../runtime/send_sizes.ts";
import { type BatchLimits, createBatcher } from "./batch.ts";
import type { Load, TickLoad } from "./load.ts";
import { createLoadQueue } from "./load_queue.ts";
import { type MarkerContext, receiptMarkers, sourceMarkers } from "./marker_records.ts";
import { createReceipts } from "./receipts.ts";

const TARGET = { topic: "ticks", partitions: 3 };
const SYMBOLS = ["AAPL", "GOOGL", "AMZN", "TSLA", "MSFT"];

function ticks(count: number, from = 0): Tick[] {
  return Array.from({ length: count }, (_, at) => ({
    symbol: SYMBOLS[(from + at) % 5]!,
    price: 1 + at,
    volume: 1,
    timestamp: from + at,
    source: "test",
  }));
}

const marker: Load = { kind: "marker", source: "test", event_time: 9, ended: false };

function batcher(
  loads: Load[],
  limits: Partial<BatchLimits> = {},
): ReturnType<typeof createBatcher> {
  const queue = createLoadQueue(1_000_000);
  for (const load of loads) queue.offer(load);
  return createBatcher(queue, TARGET, { ticks: 100, bytes: 1_000_000, ...limits });
}

Deno.test("a tick's record has its symbol as key, its partition, and the time of ingest", () => {
  const all = ticks(5);
  const { ticks: records } = batcher([{ kind: "ticks", ticks: all }])(123_456);
  for (const [at, record] of records.entries()) {
    const tick = all[at]!;
    deepStrictEqual(record, {
      topic: "ticks",
      partition: partitionOf(tick.symbol, 3),
      key: tick.symbol,
      value: JSON.stringify(tick),
      timestamp_ms: 123_456,
    });
  }
});

Deno.test("batches are bounded by count, and lose nothing and double nothing", () => {
  const all = ticks(1_000);
  const take = batcher([
    { kind: "ticks", ticks: all.slice(0, 730) },
    { kind: "ticks", ticks: all.slice(730) },
  ], { ticks: 64 });
  const taken: unknown[] = [];
  for (let batch = take(0); batch.ticks.length > 0; batch = take(0)) {
    ok(batch.ticks.length <= 64);
    for (const record of batch.ticks) taken.push(JSON.parse(String(record.value)));
  }
  deepStrictEqual(taken, all);
});

Deno.test("batches are bounded by bytes, as they are in UTF-8", () => {
  const wide = ticks(100).map((tick) => ({ ...tick, source: "€".repeat(100) }));
  const take = batcher([{ kind: "ticks", ticks: wide }], { bytes: 5_000 });
  let count = 0;
  for (let batch = take(0); batch.ticks.length > 0; batch = take(0)) {
    const bytes = batch.ticks.map((record) => new TextEncoder().encode(String(record.value)).length)
      .reduce((sum, size) => sum + size);
    // The last tick may go over.
    ok(bytes <= 5_000 + 300, `${bytes} bytes`);
    count += batch.ticks.length;
  }
  strictEqual(count, 100);
});

Deno.test("a marker begins a batch: what was queued before it is sent before", () => {
  const take = batcher([
    { kind: "ticks", ticks: ticks(10) },
    marker,
    marker,
    { kind: "ticks", ticks: ticks(10) },
    marker,
  ]);
  const shapes = [take(0), take(0), take(0)].map((batch) => [
    batch.markers.length,
    batch.ticks.length,
  ]);
  deepStrictEqual(shapes, [[0, 10], [2, 10], [1, 0]]);
});

Deno.test("markers that have piled up go in batches that the broker takes", () => {
  const waiting = Array.from(
    { length: 5_000 },
    (): Load => ({ ...marker, source: "€".repeat(128) }),
  );
  const take = batcher(waiting, { bytes: 100_000 });
  let count = 0;
  for (let batch = take(0); batch.markers.length > 0; batch = take(0)) {
    const bytes = batch.markers.flatMap((load) =>
      sourceMarkers({ ...TARGET, run: crypto.randomUUID(), receipts: createReceipts(3) }, load, 0)
    ).filter(({ partition }) => partition === 0).reduce((sum, each) => sum + recordBytes(each), 0);
    // The last marker may go over.
    ok(bytes <= 101_500, `${bytes} bytes`);
    count += batch.markers.length;
  }
  strictEqual(count, 5_000);
});

Deno.test("the last record of each partition in a batch says where the replay is", () => {
  const all = ticks(50);
  const load: TickLoad = {
    kind: "ticks",
    ticks: all,
    replay: { run: "run~1", lines: all.map((_, at) => at + 2) },
  };
  const take = batcher([load], { ticks: 20 });
  for (let from = 0; from < 50; from += 20) {
    const { ticks: records } = take(0);
    for (const partition of [0, 1, 2]) {
      const own = records.filter((record) => record.partition === partition);
      for (const record of own.slice(0, -1)) strictEqual(record.headers, undefined);
      const { timestamp } = JSON.parse(String(own.at(-1)!.value));
      deepStrictEqual(own.at(-1)!.headers, {
        "tapeline-run": "run~1",
        "tapeline-line": String(timestamp + 2),
      });
    }
  }
});

Deno.test("a load is confirmed with the batch that holds its last tick", () => {
  const confirmed = (): void => {};
  const take = batcher([{ kind: "ticks", ticks: ticks(15), confirmed }], { ticks: 10 });
  deepStrictEqual(take(0).confirmations, []);
  deepStrictEqual(take(0).confirmations, [confirmed]);
});

Deno.test("a batch counts ticks and checksum of each partition", () => {
  const all = ticks(40);
  const { counts } = batcher([{ kind: "ticks", ticks: all }])(0);
  for (const partition of [0, 1, 2]) {
    const own = all.filter((tick) => partitionOf(tick.symbol, 3) === partition);
    deepStrictEqual(counts[partition], {
      ticks: own.length,
      checksum: own.map(tickHash).reduce(addChecksum, 0),
    });
  }
});

Deno.test("refused inputs are taken up to what a record batch can hold", () => {
  const fault = { reason: "not_json", message: "" } as const;
  const refused: Load = {
    kind: "refused",
    inputs: [{ source: "s", line: 1, bytes: new Uint8Array(500_000), fault }],
  };
  const take = batcher([refused, refused, refused, { kind: "ticks", ticks: ticks(1) }]);
  deepStrictEqual(
    [take(0), take(0), take(0)].map((batch) => [batch.refused.length, batch.ticks.length]),
    [[1, 0], [1, 0], [1, 1]],
  );
});

function context(): MarkerContext {
  return { topic: "ticks", partitions: 3, run: "r", receipts: createReceipts(3) };
}

Deno.test("receipts are added up by minute, and reported once", () => {
  const { receipts, ...rest } = context();
  receipts.add(60_000, [{ ticks: 2, checksum: 5 }, { ticks: 0, checksum: 0 }]);
  receipts.add(119_999, [{ ticks: 1, checksum: 2 ** 52 - 1 }]);
  receipts.add(120_000, [{ ticks: 4, checksum: 1 }]);
  deepStrictEqual(receipts.unreported(), [0]);
  const [record] = receiptMarkers({ ...rest, receipts }, receipts.unreported(), 7);
  deepStrictEqual(JSON.parse(String(record!.value)), {
    source: "producer",
    run: "r",
    confirmed: [
      { minute: 60_000, ticks: 3, checksum: 4 },
      { minute: 120_000, ticks: 4, checksum: 1 },
    ],
  });
  deepStrictEqual(receipts.take(0), []);
});

Deno.test("a source's marker goes to every partition and takes the receipts along", () => {
  const markers = context();
  markers.receipts.add(0, [{ ticks: 0, checksum: 0 }, { ticks: 1, checksum: 3 }]);
  const records = sourceMarkers(markers, {
    kind: "marker",
    source: "replay/x.csv",
    event_time: 5,
    ended: true,
    run: "f~1",
  }, 7);
  deepStrictEqual(records.map((record) => record.partition), [0, 1, 2]);
  for (const record of records) {
    strictEqual(record.key, "replay/x.csv");
    deepStrictEqual(record.headers, { "tapeline-record": "marker", "tapeline-run": "f~1" });
  }
  deepStrictEqual(JSON.parse(String(records[1]!.value)), {
    source: "replay/x.csv",
    run: "r",
    event_time: 5,
    ended: true,
    confirmed: [{ minute: 0, ticks: 1, checksum: 3 }],
  });
  deepStrictEqual(markers.receipts.unreported(), []);
});
