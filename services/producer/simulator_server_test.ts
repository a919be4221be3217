import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { partitionOf } from "../../contract/partition.ts";
import { withServers } from "../../infra/local/test_servers.ts";
import { eventually } from "../../infra/testing/test_service.ts";
import { makeTopics, readTicks, withProducer } from "./test_producer.ts";
import { receiptsDiffer } from "./test_receipts.ts";

Deno.test("the simulator's ticks reach Kafka, with markers and complete receipts", async () => {
  await withServers({ kafka: true }, async ({ bootstrap }) => {
    await makeTopics(bootstrap);
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
