import { Buffer } from "node:buffer";
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { KafkaMessage } from "kafkajs";
import type { Candle } from "../../contract/candle.ts";
import { candleFault, candleSlice } from "./candle_slice.ts";

const PLACE = { topic: "candles", partition: 0, from: 0n, to: 10n };
const CANDLE: Candle = {
  source: "test",
  symbol: "A",
  interval: "1m",
  window_start: 60_000,
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

function record(offset: number, value: unknown, kind?: string): KafkaMessage {
  return {
    key: null,
    value: Buffer.from(JSON.stringify(value)),
    offset: String(offset),
    timestamp: "0",
    attributes: 0,
    headers: kind === undefined ? {} : { "tapeline-record": kind },
  };
}

Deno.test("of each candle only the newest record is a row, in the order of the newest", () => {
  const slice = candleSlice([
    record(0, CANDLE),
    record(1, { ...CANDLE, symbol: "B" }),
    record(2, { next_offset: "1" }, "state"),
    record(3, { ...CANDLE, close: 1.75, final: true }),
    record(4, { ...CANDLE, interval: "5m" }),
  ], PLACE);
  deepStrictEqual(slice.rows.records.map(({ offset }) => offset), ["1", "3", "4"]);
  strictEqual(slice.replaced, 1);
  strictEqual(
    new TextDecoder().decode(slice.rows.bytes).split(/(?<=\n)/)[1],
    "test\tA\t1m\t1970-01-01T00:01:00.000Z\t1\t2\t0.5\t1.75\t10\t\\N\t1.25\t\\N\t3\t50\tt\n",
  );
});

Deno.test("a record that is no candle is refused, each broken field by itself", () => {
  strictEqual(candleFault(CANDLE), null);
  const broken: { [field: string]: unknown }[] = [
    { source: "" },
    { source: "s".repeat(129) },
    { symbol: "s".repeat(65) },
    { symbol: "a\0b" },
    { symbol: 5 },
    { interval: "2m" },
    { interval: "toString" },
    { window_start: 1.5 },
    { window_start: "0" },
    { open: "1" },
    { close: undefined },
    { volume: null },
    { trades: -1 },
    { final: 1 },
  ];
  for (const fields of broken) {
    strictEqual(candleFault({ ...CANDLE, ...fields })?.reason, "candle_malformed");
  }
  const slice = candleSlice([record(0, [CANDLE]), record(1, CANDLE)], PLACE);
  deepStrictEqual(slice.refused.map(({ fault }) => fault.reason), ["candle_malformed"]);
  strictEqual(slice.rows.records.length, 1);
});
