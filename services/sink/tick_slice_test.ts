import { Buffer } from "node:buffer";
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { KafkaMessage } from "kafkajs";
import type { Slice } from "./slice.ts";
import { DAY_MS, tickSlice } from "./tick_slice.ts";

const NOW = Date.UTC(2026, 0, 15, 12);
const PLACE = { topic: "ticks", partition: 2, from: 0n, to: 10n };
const TICK = {
  source: "test",
  symbol: "A\\B",
  price: 1.5,
  volume: 0,
  timestamp: -1,
};

function record(
  offset: number,
  value: unknown,
  more: Partial<Pick<KafkaMessage, "headers" | "timestamp">> = {},
): KafkaMessage {
  return {
    key: null,
    value: value === null ? null : Buffer.from(JSON.stringify(value)),
    offset: String(offset),
    timestamp: String(NOW),
    attributes: 0,
    headers: {},
    ...more,
  };
}

function textOf({ rows }: Slice): string {
  return new TextDecoder().decode(rows.bytes);
}

Deno.test("a tick becomes a line of COPY with its place in Kafka", () => {
  const slice = tickSlice([record(7, TICK)], PLACE, NOW);
  strictEqual(
    textOf(slice),
    "test\tA\\\\B\t1969-12-31T23:59:59.999Z\t1.5\t0\t\\N\tt\t2026-01-15T12:00:00.000Z\t2\t7\t\\N\n",
  );
  deepStrictEqual([...slice.ingest_days], [NOW / DAY_MS | 0]);
});

Deno.test("a sampled tick's row carries its trace; a broken traceparent none", () => {
  const trace = "0af7651916cd43dd8448eb211c80319c";
  const columns = [`00-${trace}-b7ad6b7169203331-01`, "00-xyz", ""].map((traceparent) => {
    const headers = { traceparent: Buffer.from(traceparent) };
    return textOf(tickSlice([record(0, TICK, { headers })], PLACE, NOW)).trim().split("\t").at(-1);
  });
  deepStrictEqual(columns, [trace, "\\N", "\\N"]);
});

Deno.test("what is no tick is refused with its reason, and the ticks around it are rows", () => {
  const slice = tickSlice(
    [
      record(0, TICK),
      record(1, null),
      record(2, { ...TICK, price: -1 }),
      record(3, TICK, { timestamp: String(NOW + DAY_MS + 1) }),
      record(4, TICK, { timestamp: "9223372036854775807" }),
      record(5, TICK, { timestamp: "-9223372036854775808" }),
      record(6, TICK, { timestamp: String(NOW + DAY_MS) }),
    ],
    PLACE,
    NOW,
  );
  deepStrictEqual(slice.rows.records.map(({ offset }) => offset), ["0", "6"]);
  deepStrictEqual(slice.refused.map(({ record, fault }) => [record.offset, fault.reason]), [
    ["1", "empty_value"],
    ["2", "price_invalid"],
    ["3", "ingest_time_invalid"],
    ["4", "ingest_time_invalid"],
    ["5", "ingest_time_invalid"],
  ]);
});

Deno.test("markers and another stage's replayed letters are neither rows nor refused", () => {
  const slice = tickSlice(
    [
      record(0, { source: "test" }, { headers: { "tapeline-record": "marker" } }),
      record(1, TICK, { headers: { "tapeline-only-stage": "aggregator" } }),
      record(2, TICK, { headers: { "tapeline-only-stage": Buffer.from("sink") } }),
    ],
    PLACE,
    NOW,
  );
  deepStrictEqual(slice.rows.records.map(({ offset }) => offset), ["2"]);
  deepStrictEqual(slice.refused, []);
});
