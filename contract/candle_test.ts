import { strictEqual } from "node:assert/strict";
import { windowStart } from "./candle.ts";

Deno.test("windows start at whole multiples of their length, before 1970 too", () => {
  strictEqual(windowStart(61_000, 60_000), 60_000);
  strictEqual(windowStart(60_000, 60_000), 60_000);
  strictEqual(windowStart(-1, 60_000), -60_000);
  strictEqual(windowStart(-60_000, 60_000), -60_000);
});
