import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createLineLimit } from "./line_limit.ts";
import { createLineMaker, type LineOptions } from "./lines.ts";

const PLAIN: LineOptions = { symbols: null, open_candles: false, colour: false };
const TICK = {
  source: "simulator",
  symbol: "AAPL",
  price: 190.25,
  volume: 100,
  timestamp: 1_381_152_660_123,
};
const CANDLE = {
  source: "simulator",
  symbol: "AAPL",
  interval: "1m",
  window_start: 1_381_152_660_000,
  open: 190,
  high: 191.5,
  low: 189.75,
  close: null,
  volume: 1200,
  trades: 7,
  final: true,
};

function record(value: unknown, headers = {}) {
  return { value: Buffer.from(typeof value === "string" ? value : JSON.stringify(value)), headers };
}

Deno.test("ticks and candles are aligned, and plain without colour", () => {
  const maker = createLineMaker(PLAIN);
  strictEqual(
    maker.tick(record(TICK)),
    "2013-10-07 13:31:00.123  tick    AAPL             190.2500            100  simulator",
  );
  strictEqual(
    maker.candle(record(CANDLE)),
    "2013-10-07 13:31:00.000  candle  AAPL        1m O            190 H       191.5000 " +
      "L       189.7500 C              - V           1200        7 trades  simulator",
  );
  match(maker.tick(record({ ...TICK, price_forming: false }))!, /simulator {2}not price-forming$/);
});

Deno.test("a rise is green and a fall is red, by series", () => {
  const maker = createLineMaker({ ...PLAIN, colour: true });
  const price = (value: number, source = "simulator") =>
    maker.tick(record({ ...TICK, price: value, source }))!;
  const colours = (line: string) => line.match(/\[3[12]m/g) ?? [];
  deepStrictEqual(colours(price(10)), []);
  deepStrictEqual(colours(price(11)), ["[32m"]);
  deepStrictEqual(colours(price(5, "http")), []);
  deepStrictEqual(colours(price(10)), ["[31m"]);
});

Deno.test("symbols are chosen, markers and open candles are left out", () => {
  const maker = createLineMaker({ ...PLAIN, symbols: new Set(["MSFT"]) });
  strictEqual(maker.tick(record(TICK)), null);
  strictEqual(maker.candle(record(CANDLE)), null);
  match(maker.tick(record({ ...TICK, symbol: "MSFT" }))!, /MSFT/);
  const all = createLineMaker(PLAIN);
  strictEqual(all.tick(record(TICK, { "tapeline-record": "marker" })), null);
  strictEqual(all.candle(record({ ...CANDLE, final: false })), null);
  const open = createLineMaker({ ...PLAIN, open_candles: true });
  match(open.candle(record({ ...CANDLE, final: false }))!, /simulator {2}open$/);
});

Deno.test("what is no tick or candle does not end the console, nor steer the terminal", () => {
  const maker = createLineMaker(PLAIN);
  const line = maker.tick(record("\x1b[2Jboo"))!;
  match(line, /no tick/);
  strictEqual(line.includes("\x1b"), false);
  strictEqual(maker.tick({ value: null })!.includes("tombstone"), true);
  for (
    const bad of ["null", "7", "{", "{}", { ...CANDLE, window_start: 1e300 }, {
      ...CANDLE,
      symbol: "\x9b2J",
    }]
  ) {
    strictEqual(maker.candle(record(bad)), null);
  }
});

Deno.test("a flood is cut by the second, and what was left out is told", () => {
  const limit = createLineLimit(2);
  const shown = [0, 1, 2, 999, 1_000].flatMap((now_ms) => limit.admit(`line ${now_ms}`, now_ms));
  deepStrictEqual(shown, ["line 0", "line 1", "… 2 lines left out", "line 1000"]);
});
