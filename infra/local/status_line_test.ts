import assert from "node:assert/strict";
import type { PartStatus } from "./part.ts";
import { statusLine } from "./status_line.ts";

const sample = (at_ms: number, ticks_in: number, rows_stored: number, replayed = 0) => ({
  at_ms,
  ticks_in,
  rows_stored,
  behind_s: 0.25,
  replayed,
});
const part = (name: string, state: PartStatus["state"], restarts: number): PartStatus => ({
  name,
  state,
  since: "2024-01-01T00:00:00.000Z",
  restarts,
});

Deno.test("rates are per second of the time between the samples", () => {
  assert.equal(
    statusLine(sample(1_000, 0, 500), sample(3_000, 25_000, 509), []),
    "in 12,500 ticks/s  |  stored 4.5 rows/s  |  behind 0.3 s",
  );
});

Deno.test("counters that start again do not give negative rates, and an unknown lag is no zero", () => {
  const after = { ...sample(2_000, 10, 10), behind_s: null };
  assert.equal(
    statusLine(sample(1_000, 99, 99), after, []),
    "in 0.0 ticks/s  |  stored 0.0 rows/s  |  behind ? s",
  );
});

Deno.test("parts that are not just running are named, and those that died say how often", () => {
  const line = statusLine(sample(0, 0, 0), sample(1_000, 0, 0), [
    part("kafka", "given", 0),
    part("producer", "ended", 0),
    part("aggregator", "running", 1),
    part("sink", "restarting", 3),
  ]);
  assert.ok(
    line.endsWith(
      "producer ended  |  aggregator, restarted 1 time  |  sink restarting, restarted 3 times",
    ),
    line,
  );
});

Deno.test("what else is not well is said before the parts", () => {
  const parts = [part("kafka", "restarting", 1)];
  const line = statusLine(sample(0, 0, 0), sample(1_000, 0, 0), parts, "the disk is full");
  assert.ok(line.endsWith("  |  the disk is full  |  kafka restarting, restarted 1 time"), line);
});

Deno.test("a replay shows its share and the time left", () => {
  assert.match(
    statusLine(sample(0, 0, 0, 0.25), sample(1_000, 0, 0, 0.5), []),
    /replayed 50\.0 %, 2 s left/,
  );
  assert.match(statusLine(sample(0, 0, 0, 0.9), sample(1_000, 0, 0, 1), []), /replayed 100\.0 %$/);
});
