import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Tick } from "../../../contract/tick.ts";
import { hasSharedData, sharedFile } from "../../../infra/testing/shared_data.ts";
import { sourceCases } from "./cases.ts";
import { type FeedServer, withFeedServer } from "./test_feed.ts";
import { createReachedTime } from "./finnhub.ts";
import { readFrame } from "./finnhub_frame.ts";
import { type SourceUnderTest, withSource } from "./test_source.ts";

const KEY = "k3y-that-must-not-show";
function frame(tick: Tick | null): string {
  const trade = tick === null
    ? { s: "AAPL", p: -1, v: 1, t: 1 }
    : { s: tick.symbol, p: tick.price, v: tick.volume, t: tick.timestamp, c: null };
  return JSON.stringify({ type: "trade", data: [trade] });
}

const environment = (server: FeedServer): { [variable: string]: string } => ({
  TAPELINE_FINNHUB_URL: server.url,
  FINNHUB_API_KEY: KEY,
  STOCK_SYMBOLS: "AAPL,BINANCE:BTCUSDT",
});

sourceCases({
  name: "finnhub",
  source: "finnhub",
  ends: false,
  waits: false,
  prepare: (inputs, test) =>
    withFeedServer((server) =>
      test(environment(server), () => {
        server.connected(1, 2).then(() => {
          for (const input of inputs) server.send(frame(input));
        });
      })
    ),
});

async function withFeed(
  settings: { [variable: string]: string },
  test: (server: FeedServer, under_test: SourceUnderTest) => Promise<void>,
): Promise<void> {
  await withFeedServer((server) =>
    withSource("finnhub", { ...environment(server), ...settings }, async (under_test) => {
      await server.connected(1, 2);
      await test(server, under_test);
      ok(!under_test.log.join("\n").includes(KEY), "the key shows in the log");
    })
  );
}

const TRADE = '{"type":"trade","data":[{"s":"AAPL","p":1,"v":2,"t":3}]}';

Deno.test("it subscribes to every symbol, again after the line was cut", async () => {
  await withFeed({}, async (server, under_test) => {
    deepStrictEqual(under_test.source.missing(), []);
    server.cut();
    await server.connected(2, 2);
    const wanted = ["AAPL", "BINANCE:BTCUSDT"].map((symbol) => ({ type: "subscribe", symbol }));
    for (const messages of server.heard) {
      deepStrictEqual(messages.map((message) => JSON.parse(message)), wanted);
    }
    deepStrictEqual(server.queries, [`?token=${KEY}`, `?token=${KEY}`]);
    server.send(TRADE);
    await under_test.takeUntil(() => under_test.ticks.length === 1);
    strictEqual(await under_test.metric("feed_reconnects"), 1);
    strictEqual(await under_test.metric("feed_connected"), 1);
    match(under_test.log.join("\n"), /closed with code 1011/);
  });
});

Deno.test("a feed on which nothing comes is connected anew", async () => {
  await withFeed({ TAPELINE_FEED_SILENCE_MS: "100" }, async (server, under_test) => {
    await server.connected(2, 2);
    match(under_test.log.join("\n"), /nothing came for 100 ms/);
  });
});

Deno.test("pings are a sign of life", async () => {
  await withFeed({ TAPELINE_FEED_SILENCE_MS: "400" }, async (server, under_test) => {
    for (let count = 0; count < 12; count++) {
      server.send('{"type":"ping"}');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    strictEqual(server.heard.length, 1);
    strictEqual(await under_test.metric("received"), 0);
  });
});

Deno.test("garbage goes to the dead letters as it came, and the feed goes on", async () => {
  await withFeed({}, async (server, under_test) => {
    const binary = new Uint8Array([0xff, 0xfe, 0]);
    const garbage = ["{", "[]", "null", '{"type":"news"}', '{"type":"trade","data":{}}', binary];
    for (const each of garbage) server.send(each);
    server.send(
      '{"type":"trade","data":[1,{"s":"AAPL","p":1,"v":2,"t":3},{"s":"X","p":"1","v":2}]}',
    );
    await under_test.takeUntil(() => under_test.ticks.length === 1);
    deepStrictEqual(
      under_test.refused.map(({ line, fault }) => [line, fault.reason]),
      [
        [1, "not_json"],
        [2, "frame_malformed"],
        [3, "frame_malformed"],
        [4, "frame_malformed"],
        [5, "frame_malformed"],
        [6, "not_utf8"],
        [7, "not_an_object"],
      ],
    );
    deepStrictEqual(new Uint8Array(under_test.refused[5]!.bytes), binary);
    match(under_test.refused[6]!.fault.message, /trade 0: .*; trade 2: price must be a number/);
    strictEqual(await under_test.metric("discarded"), 8);
  });
});

Deno.test("what Finnhub calls an error is counted, and does not show the key", async () => {
  await withFeed({}, async (server, under_test) => {
    server.send(JSON.stringify({ type: "error", msg: `Invalid API key ${KEY}` }));
    server.send(TRADE);
    await under_test.takeUntil(() => under_test.ticks.length === 1);
    strictEqual(await under_test.metric("errors", { kind: "feed_error" }), 1);
    match(under_test.log.join("\n"), /Finnhub says: Invalid API key \*\*\*/);
  });
});

Deno.test("a server that is not there is tried again, and /ready says so", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await withSource("finnhub", {
    TAPELINE_FINNHUB_URL: `ws://127.0.0.1:${port}`,
    FINNHUB_API_KEY: KEY,
  }, async (under_test) => {
    deepStrictEqual(under_test.source.missing(), ["Finnhub's feed is not connected"]);
    const lost = (): number => under_test.log.filter((line) => line.includes("feed_lost")).length;
    while (lost() < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    ok(!under_test.log.join("\n").includes(KEY), "the key shows in the log");
  });
});

Deno.test("the heartbeat tells what the feed has reached", async () => {
  await withFeed({}, async (server, under_test) => {
    server.send(TRADE);
    await under_test.takeUntil(() => under_test.markers.length === 1);
    const { source, event_time, ended } = under_test.markers[0]!;
    deepStrictEqual({ source, event_time, ended }, {
      source: "finnhub",
      event_time: 3 - 10_000,
      ended: false,
    });
  });
});

Deno.test("what a feed has reached stays a grace behind its newest trade and the clock", () => {
  const reached = createReachedTime();
  strictEqual(reached.at(0), null);
  reached.saw(100_000, 100_100);
  strictEqual(reached.at(100_100), 90_000);
  // A venue that reports 8 s later: its trade is not before what was told.
  reached.saw(92_000, 100_200);
  strictEqual(reached.at(100_200), 90_000);
  // A trade stamped ahead of the clock moves it no further than the clock.
  reached.saw(150_000, 101_000);
  strictEqual(reached.at(101_000), 91_000);
});

Deno.test("a feed's event time goes on with the clock when it has been quiet for a while", () => {
  const reached = createReachedTime();
  reached.saw(50_000, 50_000);
  reached.saw(49_000, 51_000);
  strictEqual(reached.at(60_999), 40_000);
  strictEqual(reached.at(61_000), 51_000);
  strictEqual(reached.at(3_661_000), 3_651_000);
});

Deno.test("a feed that is delayed by its plan stays so when it is quiet", () => {
  const reached = createReachedTime();
  const delay_ms = 900_000;
  reached.saw(1_000_000, 1_000_000 + delay_ms);
  strictEqual(reached.at(1_060_000 + delay_ms), 1_050_000);
});

Deno.test("every trade of real frames is mapped, ping and error are told apart", {
  ignore: !hasSharedData(),
}, async () => {
  const text = await Deno.readTextFile(sharedFile("finnhub-frames/finnhub_messages.jsonl"));
  await withFeed({}, async (server, under_test) => {
    for (const line of text.trim().split("\n")) server.send(line);
    await under_test.takeUntil(() => under_test.ticks.length === 29);
    deepStrictEqual(under_test.ticks.at(-1), {
      symbol: "BINANCE:BTCUSDT",
      price: 7296.89,
      volume: 0.011467,
      timestamp: 1_575_526_691_134,
      source: "finnhub",
    });
    while (await under_test.metric("errors") === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    strictEqual(await under_test.metric("discarded"), 0);
  });
});

Deno.test("trade conditions are mapped to nothing, whatever they are", () => {
  for (const c of [null, [], ["1", "8"], undefined, "x"]) {
    const read = readFrame(new TextEncoder().encode(
      JSON.stringify({ type: "trade", data: [{ s: "A", p: 1, v: 2, t: 3, c }] }),
    ));
    deepStrictEqual(read, {
      kind: "trades",
      inputs: [{ symbol: "A", price: 1, volume: 2, timestamp: 3 }],
    });
  }
});
