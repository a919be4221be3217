import { deepStrictEqual, notStrictEqual } from "node:assert/strict";
import { addChecksum, CHECKSUM_MODULUS, tickHash } from "./ledger.ts";
import type { Tick } from "./tick.ts";

const tick: Tick = {
  source: "simulator",
  symbol: "AAPL",
  price: 190.25,
  volume: 100,
  timestamp: 1_700_000_000_000,
};

Deno.test("the hash of a tick changes with each of its fields", () => {
  const variants: Tick[] = [
    { ...tick, source: "http" },
    { ...tick, symbol: "AAPM" },
    { ...tick, price: 190.25000000000003 },
    { ...tick, volume: 101 },
    { ...tick, timestamp: tick.timestamp + 1 },
    { ...tick, trade_id: "1" },
    { ...tick, price_forming: false },
  ];
  for (const variant of variants) notStrictEqual(tickHash(variant), tickHash(tick));
  deepStrictEqual(tickHash({ ...tick, price_forming: true }), tickHash(tick));
});

Deno.test("checksums add up whatever the order, and equal ticks do not cancel", () => {
  const hash = tickHash(tick);
  notStrictEqual(addChecksum(addChecksum(0, hash), hash), 0);
  deepStrictEqual(addChecksum(CHECKSUM_MODULUS - 1, 2), 1);
});
