import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { admitTick, decodeTick, type DiscardReason, farFutureFault, tickFault } from "./tick.ts";

const GOOD = {
  symbol: "AAPL",
  price: 1.5,
  volume: 0,
  timestamp: 1_700_000_000_000,
  source: "http",
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const changed = (fields: { [name: string]: unknown }): Uint8Array =>
  bytes(JSON.stringify({ ...GOOD, ...fields }));
/** JSON can't say these, but its text can hold them. */
const withPrice = (text: string): Uint8Array =>
  bytes(JSON.stringify(GOOD).replace('"price":1.5', `"price":${text}`));

const BAD: { [name: string]: [Uint8Array | null, DiscardReason] } = {
  "a tombstone": [null, "empty_value"],
  "no bytes": [bytes(""), "empty_value"],
  "truncated JSON": [bytes(JSON.stringify(GOOD).slice(0, -5)), "not_json"],
  "text": [bytes("AAPL 1.5"), "not_json"],
  "a byte order mark before JSON": [bytes("\ufeff" + JSON.stringify(GOOD)), "not_json"],
  "invalid UTF-8": [new Uint8Array([0x22, 0xff, 0xfe, 0x22]), "not_utf8"],
  "null bytes": [new Uint8Array(8), "not_json"],
  "an array": [bytes("[1,2]"), "not_an_object"],
  "a number": [bytes("7"), "not_an_object"],
  "null": [bytes("null"), "not_an_object"],
  "a string": [bytes('"AAPL"'), "not_an_object"],
  "an empty object": [bytes("{}"), "symbol_invalid"],
  "an empty symbol": [changed({ symbol: "" }), "symbol_invalid"],
  "a symbol of 1 MB": [changed({ symbol: "A".repeat(1_000_000) }), "symbol_invalid"],
  "a symbol with a null byte": [changed({ symbol: "A\u0000B" }), "symbol_invalid"],
  "a symbol with the key separator": [changed({ symbol: "A|B" }), "symbol_invalid"],
  "a symbol with an outer space": [changed({ symbol: " A" }), "symbol_invalid"],
  "a symbol with half a character": [bytes(`{"symbol":"A\\ud800"}`), "symbol_invalid"],
  "a symbol that is a number": [changed({ symbol: 7 }), "symbol_invalid"],
  "a symbol that is an array": [changed({ symbol: ["AAPL"] }), "symbol_invalid"],
  "no price": [changed({ price: undefined }), "price_invalid"],
  "a price of zero": [changed({ price: 0 }), "price_invalid"],
  "a negative price": [changed({ price: -1 }), "price_invalid"],
  "a price as a string": [changed({ price: "1.5" }), "price_invalid"],
  "a price of null": [changed({ price: null }), "price_invalid"],
  "a price that overflows to infinity": [withPrice("1e999"), "price_invalid"],
  "a price of NaN": [withPrice("NaN"), "not_json"],
  "a price over the limit": [changed({ price: 1e13 }), "price_invalid"],
  "a price that is an array": [changed({ price: [1.5] }), "price_invalid"],
  "a price that is true": [changed({ price: true }), "price_invalid"],
  "a negative volume": [changed({ volume: -1 }), "volume_invalid"],
  "no volume": [changed({ volume: undefined }), "volume_invalid"],
  "a volume as a string": [changed({ volume: "10" }), "volume_invalid"],
  "a volume over the limit": [changed({ volume: 1e16 }), "volume_invalid"],
  "no timestamp": [changed({ timestamp: undefined }), "timestamp_invalid"],
  "a timestamp of 2^63": [changed({ timestamp: 2 ** 63 }), "timestamp_invalid"],
  "a timestamp with a fraction": [changed({ timestamp: 1.5 }), "timestamp_invalid"],
  "a timestamp as ISO text": [changed({ timestamp: "2024-01-01" }), "timestamp_invalid"],
  "a timestamp in microseconds": [changed({ timestamp: 1.7e15 }), "timestamp_invalid"],
  "a timestamp before 1900": [changed({ timestamp: -3e12 }), "timestamp_invalid"],
  "no source": [changed({ source: undefined }), "source_invalid"],
  "a source with a line break": [changed({ source: "a\nb" }), "source_invalid"],
  "a trade_id that is a number": [changed({ trade_id: 7 }), "trade_id_invalid"],
  "a trade_id of 1 MB": [changed({ trade_id: "7".repeat(1_000_000) }), "trade_id_invalid"],
  "a trade_id with a null byte": [changed({ trade_id: "\u0000" }), "trade_id_invalid"],
  "a price_forming that is text": [changed({ price_forming: "true" }), "price_forming_invalid"],
  "prototype keys in place of fields": [
    bytes(`{"__proto__":${JSON.stringify(GOOD)}}`),
    "symbol_invalid",
  ],
  "a constructor in place of fields": [
    bytes(`{"constructor":{"prototype":${JSON.stringify(GOOD)}}}`),
    "symbol_invalid",
  ],
};

for (const [name, [value, reason]] of Object.entries(BAD)) {
  Deno.test(`${name} is refused as ${reason}`, () => {
    const decoded = decodeTick(value);
    ok("fault" in decoded, "it was taken");
    strictEqual(decoded.fault.reason, reason);
    ok(decoded.fault.message.length < 400, "the message is no longer than a few lines");
  });
}

Deno.test("good ticks are taken as they are", () => {
  for (
    const tick of [
      GOOD,
      { ...GOOD, trade_id: "", price_forming: false },
      { ...GOOD, symbol: "BINANCE:BTCUSDT", timestamp: -126_316_800_000 },
      { ...GOOD, symbol: "日経225", price: 5e-324, volume: 1e15 },
      { ...GOOD, symbol: "__proto__" },
      { ...GOOD, unknown: { any: "thing" } },
    ]
  ) {
    deepStrictEqual(decodeTick(bytes(JSON.stringify(tick))), { tick });
    strictEqual(tickFault(tick), null);
  }
});

Deno.test("a door takes the known fields only, and sets the source", () => {
  const given = { ...GOOD, source: "somebody else", extra: 1, trade_id: null, price_forming: null };
  deepStrictEqual(admitTick("finnhub", given), { tick: { ...GOOD, source: "finnhub" } });
});

Deno.test("event time may be 60 s past the time of ingest, not more", () => {
  strictEqual(farFutureFault(60_000, 0), null);
  strictEqual(farFutureFault(60_001, 0)?.reason, "far_future");
});
