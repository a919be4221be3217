import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { DEFAULT_TOPIC_NAMES, topicShapes } from "../../contract/topics.ts";
import { createKafka, ensureTopics } from "../../runtime/kafka.ts";
import { openSender, type OutgoingRecord } from "../../runtime/kafka_sender.ts";
import { createLogger } from "../../runtime/log.ts";
import { withServers } from "../local/test_servers.ts";
import { runTask, withTask } from "../test_task.ts";

const TICK = { source: "test", price: 190.25, volume: 100, timestamp: 1_709_285_460_000 };

function tickRecord(symbol: string, partition: number): OutgoingRecord {
  const value = JSON.stringify({ ...TICK, symbol });
  return {
    topic: DEFAULT_TOPIC_NAMES.ticks,
    partition,
    key: symbol,
    value,
    timestamp_ms: TICK.timestamp,
  };
}

const CANDLE: OutgoingRecord = {
  topic: DEFAULT_TOPIC_NAMES.candles,
  partition: 1,
  key: "candle",
  timestamp_ms: TICK.timestamp,
  value: JSON.stringify({
    source: "test",
    symbol: "AAPL",
    interval: "1m",
    window_start: 1_709_285_460_000,
    open: 1,
    high: 2,
    low: 1,
    close: 2,
    volume: 3,
    trades: 2,
    final: true,
  }),
};

Deno.test("the console on a real Kafka", (context) =>
  withServers({ kafka: true }, async (servers) => {
    const kafka = createKafka({
      bootstrap_servers: [servers.bootstrap],
      client_id: "console-test",
      log: createLogger("console-test", "error"),
    });
    const shapes = topicShapes({
      names: DEFAULT_TOPIC_NAMES,
      tick_partitions: 2,
      retention_ms: -1,
    });
    await ensureTopics(kafka, [shapes.ticks, shapes.candles]);
    const sender = await openSender(kafka, "none");
    const data_dir = await Deno.makeTempDir({ prefix: "tapeline-console-" });
    await Deno.writeTextFile(
      `${data_dir}/endpoints.json`,
      JSON.stringify({ kafka: servers.bootstrap }),
    );
    try {
      await context.step(
        "shows what passes from now on, plain when piped, until Ctrl-C",
        () =>
          withTask(
            "console",
            ["--data-dir", data_dir, "--symbol", "AAPL,IBM"],
            {},
            async (task) => {
              await sender.send([tickRecord("AAPL", 0)]);
              await task.stderrMatching(/Following raw-market-data and aggregated-metrics/);
              await sender.send([tickRecord("IBM", 0), tickRecord("MSFT", 0), CANDLE]);
              await task.stdoutMatching(/candle/);
              await sender.send([tickRecord("AAPL", 1)]);
              await task.stdoutMatching(/tick +AAPL/);
              task.signal("SIGINT");
              const { code, stdout } = await task.ended();
              strictEqual(code, 0);
              deepStrictEqual(stdout.match(/(tick|candle) +[A-Z]+/g), [
                "tick    IBM",
                "candle  AAPL",
                "tick    AAPL",
              ]);
              strictEqual(stdout.includes("\x1b"), false);
            },
          ),
      );

      await context.step(
        "shows all there is from the beginning",
        () =>
          withTask("console", ["--from-beginning", "--data-dir", data_dir], {}, async (task) => {
            const shown = await task.stdoutMatching(/candle/);
            match(shown, /tick +AAPL[^]*tick +MSFT/);
            task.signal("SIGTERM");
            strictEqual((await task.ended()).code, 0);
          }),
      );

      await context.step(
        "goes on over a restart of Kafka",
        () =>
          withTask("console", ["--data-dir", data_dir], {}, async (task) => {
            await task.stderrMatching(/Following/);
            await servers.kafka.restart();
            await sender.send([tickRecord("AFTER", 0)]);
            await task.stdoutMatching(/tick +AFTER/);
          }),
      );
    } finally {
      await sender.close();
      await Deno.remove(data_dir, { recursive: true });
    }

    await context.step("without a stack it says what to do", async () => {
      const { code, stderr } = await runTask("console", ["--data-dir", "/nowhere"], {});
      deepStrictEqual([code, stderr.split("\n").length], [1, 2]);
      match(stderr, /^No running stack found: \/nowhere\/endpoints\.json does not exist/);
    });
  }));
