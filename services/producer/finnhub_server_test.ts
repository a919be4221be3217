import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { DEFAULT_TOPIC_NAMES } from "../../contract/topics.ts";
import { withServers } from "../../infra/local/test_servers.ts";
import { eventually } from "../../infra/testing/test_service.ts";
import { makeTopics, readTicks, readTopic, withProducer } from "./test_producer.ts";
import { withFeedServer } from "./sources/test_feed.ts";

const KEY = "k3y-that-must-not-show";

Deno.test("Finnhub's trades reach Kafka over a cut line and garbage, the key nowhere", async () => {
  await withServers({ kafka: true }, async ({ bootstrap }) => {
    await makeTopics(bootstrap);
    await withFeedServer(async (feed) => {
      const environment = {
        TAPELINE_SOURCE: "finnhub",
        TAPELINE_FINNHUB_URL: feed.url,
        FINNHUB_API_KEY: KEY,
        STOCK_SYMBOLS: "AAPL,TSLA",
        LOG_LEVEL: "debug",
      };
      const trade = (timestamp: number): string =>
        JSON.stringify({ type: "trade", data: [{ s: "TSLA", p: 1, v: 2, t: timestamp, c: null }] });
      await withProducer(bootstrap, environment, async (producer) => {
        await feed.connected(1, 2);
        await producer.ready();
        feed.send(trade(1));
        feed.send("garbage");
        feed.send(JSON.stringify({ type: "error", msg: `bad token ${KEY}` }));
        await eventually(async () => (await readTicks(bootstrap)).ticks.length === 1, "a tick");
        feed.cut();
        await feed.connected(2, 2);
        feed.send(trade(2));
        await eventually(
          async () =>
            (await readTicks(bootstrap)).markers.some(({ marker }) =>
              marker.event_time === 2 - 10_000
            ),
          "a heartbeat",
        );
        ok(!(await producer.metrics()).includes(KEY), "the key shows in the metrics");
        strictEqual(await producer.stop(), 0);
        ok(!producer.output().includes(KEY), "the key shows in the log");
      });
      const { ticks } = await readTicks(bootstrap);
      deepStrictEqual(ticks.map(({ tick }) => [tick.source, tick.timestamp]), [
        ["finnhub", 1],
        ["finnhub", 2],
      ]);
      const letters = await readTopic(bootstrap, DEFAULT_TOPIC_NAMES.dead_letters);
      deepStrictEqual(letters.map(({ record }) => String(record.value)), ["garbage"]);
    });
  });
});
