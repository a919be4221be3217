import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createMetrics } from "../../runtime/metrics.ts";
import { createDoor } from "./door.ts";
import { createLoadQueue } from "./load_queue.ts";
import { METRICS } from "./metrics.ts";

const NOW_MS = 1_700_000_000_000;

function underTest(): {
  door: ReturnType<typeof createDoor>;
  metrics: ReturnType<typeof createMetrics<typeof METRICS>>["metrics"];
} {
  const { metrics } = createMetrics("producer", METRICS);
  const { signal } = new AbortController();
  return {
    door: createDoor("http", "ticks", createLoadQueue(10), metrics, signal, () => NOW_MS),
    metrics,
  };
}

const tick = { symbol: "A", price: 1, volume: 1, timestamp: NOW_MS };

Deno.test("the door sets the source, whatever the input says", () => {
  const { ticks } = underTest().door.admit("http", [{ ...tick, source: "finnhub", more: 1 }]);
  deepStrictEqual(ticks, [{ ...tick, source: "http" }]);
});

Deno.test("a minute ahead of the clock is taken, more is not", () => {
  const { ticks, indexes, refused } = underTest().door.admit("http", [
    { ...tick, timestamp: NOW_MS + 60_001 },
    { ...tick, timestamp: NOW_MS + 60_000 },
  ]);
  strictEqual(ticks.length, 1);
  deepStrictEqual(indexes, [1]);
  deepStrictEqual(refused.map(({ index, fault }) => [index, fault.reason]), [[0, "far_future"]]);
});

Deno.test("what waits is shown as it comes in, also while Kafka takes nothing", async () => {
  const { door, metrics } = underTest();
  const { ticks } = door.admit("http", [tick, tick, tick]);
  door.offer({ kind: "ticks", ticks });
  strictEqual((await metrics.queue_depth.get()).values[0]!.value, 3);
  await door.put({ kind: "ticks", ticks });
  strictEqual((await metrics.queue_depth.get()).values[0]!.value, 6);
});

Deno.test("inputs are counted by source and reason, the last event time is shown", async () => {
  const { door, metrics } = underTest();
  door.admit("http", [tick, null, { ...tick, price: -1 }, { ...tick, timestamp: NOW_MS - 5_000 }]);
  door.countMalformed([{ reason: "not_json", message: "" }]);
  door.countOverflow(7);
  const of = async (name: "received" | "discarded" | "last_event_time"): Promise<unknown> =>
    (await metrics[name].get()).values.map((
      { labels, value },
    ) => [...Object.values(labels), value]);
  deepStrictEqual(await of("received"), [["http", 5]]);
  deepStrictEqual(await of("discarded"), [
    ["not_an_object", 1],
    ["price_invalid", 1],
    ["not_json", 1],
    ["queue_full", 7],
  ]);
  deepStrictEqual(await of("last_event_time"), [["http", (NOW_MS - 5_000) / 1_000]]);
});
