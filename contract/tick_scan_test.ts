import { Buffer } from "node:buffer";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { admitTick } from "./tick.ts";
import { scanTick } from "./tick_scan.ts";

const encoder = new TextEncoder();
const scan = (text: string) => scanTick(encoder.encode(text));

const text = fc.oneof(
  { arbitrary: fc.stringMatching(/^[A-Za-z0-9./ -]{0,20}$/), weight: 8 },
  { arbitrary: fc.string({ unit: "grapheme" }), weight: 1 },
);
const decimal = fc.tuple(fc.nat(), fc.nat({ max: 8 }))
  .map(([digits, decimals]) => digits / 10 ** decimals);
const odd = fc.constantFrom(1e21, 1e-7, 0.1 + 0.2, 123456789.1234567, -1, 2 ** 53, 1e15 - 1);
const number = fc.oneof(
  { arbitrary: fc.oneof(fc.nat(), decimal), weight: 8 },
  { arbitrary: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), odd), weight: 1 },
);
const trade_id = fc.oneof(
  fc.nat().map(String),
  text,
  fc.constantFrom("007", "0", "1".repeat(15), "1".repeat(16)),
);
const ticks = fc.record({
  ...{ symbol: text, price: number, volume: number, timestamp: number, source: text },
  ...{ trade_id, price_forming: fc.boolean() },
}, { requiredKeys: ["symbol", "price", "volume", "timestamp", "source"], noNullPrototype: true });

Deno.test("what is read is what JSON.parse makes of it", () => {
  let read = 0;
  fc.assert(
    fc.property(ticks, (tick) => {
      const { symbol, price, volume, timestamp, source, ...optional } = tick;
      const written = JSON.stringify({ symbol, price, volume, timestamp, source, ...optional });
      const scanned = scan(written);
      if (scanned === null) return;
      read++;
      deepStrictEqual(scanned, JSON.parse(written));
    }),
    { numRuns: 5_000 },
  );
  ok(read > 500, `only ${read} were read`);
});

Deno.test("a tick as a door makes it is read", () => {
  for (
    const optional of [
      {},
      { trade_id: "12" },
      { trade_id: "a-1", price_forming: false },
      { price_forming: true },
    ]
  ) {
    const value = { symbol: "BRK.B", price: 39.474193, volume: 160, timestamp: 1_704_153_600_005 };
    const admitted = admitTick("replay/ticks.csv", { ...value, ...optional });
    ok("tick" in admitted);
    deepStrictEqual(scan(JSON.stringify(admitted.tick)), admitted.tick);
  }
});

const WRITTEN =
  '{"symbol":"A","price":1.5,"volume":2,"timestamp":3,"source":"s","trade_id":"4","price_forming":true}';

Deno.test("whatever differs by a byte is read as JSON.parse does, or not at all", () => {
  let left = 0;
  fc.assert(
    fc.property(
      fc.nat({ max: WRITTEN.length }),
      fc.nat({ max: 3 }),
      fc.string({ unit: fc.constantFrom(...'{}",:.0189eE+- \\utA\u00e9\u0000'), maxLength: 3 }),
      (at, removed, put) => {
        const altered = WRITTEN.slice(0, at) + put + WRITTEN.slice(at + removed);
        const scanned = scan(altered);
        if (scanned === null) return void left++;
        deepStrictEqual(scanned, JSON.parse(altered));
      },
    ),
    { numRuns: 20_000 },
  );
  ok(left > 1_000, `only ${left} were left to JSON.parse`);
});

/** Two names of one length and one hash. */
function namesOfOneHash(): [string, string] {
  const hash = (name: string): number =>
    [...encoder.encode(name)].reduce((sum, byte) => Math.imul(sum ^ byte, 0x01000193), 0x811c9dc5);
  const names = new Map<string, string>();
  for (let number = 0;; number++) {
    const name = `N${number}`;
    const key = `${name.length}/${hash(name)}`;
    const other = names.get(key);
    if (other !== undefined) return [other, name];
    names.set(key, name);
  }
}

const written = (symbol: string) =>
  JSON.stringify({ symbol, price: 1, volume: 1, timestamp: 1, source: "s" });

Deno.test("a name of another's hash is not taken for it", () => {
  const pair = namesOfOneHash();
  for (const symbol of [...pair, ...pair]) strictEqual(scan(written(symbol))?.symbol, symbol);
});

Deno.test("what is remembered of a name is no view into what was fetched", () => {
  const [name, other] = namesOfOneHash();
  const fetched = Buffer.from(written(name));
  strictEqual(scanTick(fetched)?.symbol, name);
  fetched.write(other, fetched.indexOf(name));
  strictEqual(scan(written(other))?.symbol, other);
});
