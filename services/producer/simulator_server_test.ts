import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { partitionOf } from "../../contract/partition.ts";
import { sharedServers } from "../../infra/local/shared_servers.ts";
import { eventually } from "../../infra/testing/test_service.ts";
import { readTicks, sentTicks, withEmptyTopics, withProducer } from "./test_producer.ts";
import { receiptsDiffer } from "./test_receipts.ts";

const servers = sharedServers({ kafka: true });

Deno.test("the simulator's ticks reach Kafka, with markers and complete receipts", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap }) => {
    await withProducer(bootstrap, { TICK_INTERVAL: "0.01" }, async (producer) => {
      await producer.ready();
      await eventually(
        async () => (await readTicks(bootstrap)).markers.some((each) => each.marker.event_time),
        "a heartbeat",
      );
      strictEqual(await producer.stop(), 0);
    });
    const { ticks, markers } = await readTicks(bootstrap);
    ok(ticks.length >= 5 * 50, `${ticks.length} ticks`);
    deepStrictEqual(
      [...new Set(ticks.map(({ tick }) => tick.symbol))].sort(),
      ["AAPL", "AMZN", "GOOGL", "MSFT", "TSLA"],
    );
    for (const { tick, partition, record } of ticks) {
      strictEqual(String(record.key), tick.symbol);
      strictEqual(partition, partitionOf(tick.symbol, 3));
      ok(Number(record.timestamp) >= tick.timestamp, "ingested before it happened");
    }
    for (const partition of [0, 1, 2]) {
      const own = markers.filter((each) => each.partition === partition);
      strictEqual(own[0]?.record.offset, "0", "a run begins with a marker in each partition");
      deepStrictEqual(own[0]?.marker.confirmed, []);
    }
    deepStrictEqual(receiptsDiffer({ ticks, markers }), []);
  });
});

Deno.test("an interval of 0.0001 s is kept: ten ticks of each of five symbols in a millisecond", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap }) => {
    await withProducer(bootstrap, { TICK_INTERVAL: "0.0001" }, async (producer) => {
      await producer.ready();
      await eventually(
        async () => await sentTicks(producer) >= 200_000,
        "four seconds of ticks",
      );
      strictEqual(await producer.stop(), 0);
    });
    const { ticks } = await readTicks(bootstrap);
    const counts = new Map<string, number>();
    let [first_ms, last_ms] = [Infinity, -Infinity];
    for (const { tick: { symbol, timestamp } } of ticks) {
      const place = `${symbol} ${timestamp}`;
      counts.set(place, (counts.get(place) ?? 0) + 1);
      first_ms = Math.min(first_ms, timestamp);
      last_ms = Math.max(last_ms, timestamp);
    }
    ok(last_ms - first_ms > 3_900, `${last_ms - first_ms} ms of ticks`);
    // Rounds that were left out would show as milliseconds with fewer ticks, or none.
    for (let at_ms = first_ms + 1; at_ms < last_ms; at_ms++) {
      for (const symbol of ["AAPL", "AMZN", "GOOGL", "MSFT", "TSLA"]) {
        strictEqual(counts.get(`${symbol} ${at_ms}`), 10, `${symbol} at ${at_ms - first_ms} ms`);
      }
    }
  });
});
