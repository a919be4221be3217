import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { DEFAULT_TOPIC_NAMES } from "../../contract/topics.ts";
import { sharedServers } from "../../infra/local/shared_servers.ts";
import { eventually } from "../../infra/testing/test_service.ts";
import { hasSharedData, readTickLines, sharedFile } from "../../infra/testing/shared_data.ts";
import { readTicks, readTopic, sentTicks, withEmptyTopics, withProducer } from "./test_producer.ts";
import { receiptsDiffer } from "./test_receipts.ts";

const servers = sharedServers({ kafka: true });

const max = (file: string): { [variable: string]: string } => ({
  TAPELINE_SOURCE: "replay",
  TAPELINE_REPLAY_FILE: file,
  TAPELINE_REPLAY_SPEED: "max",
});

/** A file of as many ticks, each told apart by its timestamp. */
function generated(count: number): string {
  const rows = Array.from({ length: count }, (_, at) => `S${at % 11},${at},1.5,2,,`);
  return ["symbol,timestamp,price,volume,trade_id,price_forming", ...rows, ""].join("\n");
}

Deno.test("a replayed file is in Kafka line by line, once, however often it is started", {
  ignore: !hasSharedData(),
}, async () => {
  const file = sharedFile("equity-2013-10-07/ticks.csv.gz");
  await withEmptyTopics(servers(), async ({ bootstrap }) => {
    await withProducer(bootstrap, max(file), async (producer) => {
      strictEqual(await producer.ended(), 0);
    });
    const content = await readTicks(bootstrap);
    const rows = await readTickLines("equity-2013-10-07");
    strictEqual(content.ticks.length, rows.length);
    for (const symbol of ["IBM", "BAC"]) {
      deepStrictEqual(
        content.ticks.filter(({ tick }) => tick.symbol === symbol)
          .map(({ tick }) => `${tick.timestamp},${tick.price},${tick.volume}`),
        rows.filter((row) => row.startsWith(symbol))
          .map((row) => row.split(",").slice(1, 4).map(Number).join()),
      );
    }
    deepStrictEqual(receiptsDiffer(content), []);
    const newest = Math.max(...rows.map((row) => Number(row.split(",")[1])));
    deepStrictEqual(
      content.markers.filter(({ marker }) => marker.ended)
        .map(({ marker, partition }) => [partition, marker.source, marker.event_time]),
      [0, 1, 2].map((partition) => [partition, "replay/ticks.csv.gz", newest]),
    );

    await withProducer(bootstrap, max(file), async (producer) => {
      match(
        (await producer.line((line) => line.event === "already_replayed")).message,
        /already in/,
      );
      strictEqual(await producer.ended(), 0);
    });
    strictEqual((await readTicks(bootstrap)).ticks.length, rows.length);

    const again = { ...max(file), TAPELINE_REPLAY_AGAIN: "true" };
    await withProducer(bootstrap, again, async (producer) => {
      strictEqual(await producer.ended(), 0);
    });
    const twice = await readTicks(bootstrap);
    strictEqual(
      twice.ticks.filter(({ tick }) => tick.source === "replay/ticks.csv.gz~2").length,
      rows.length,
    );
    deepStrictEqual(receiptsDiffer(twice), []);
  });
});

Deno.test("a replay that is killed goes on where Kafka says, nothing lost and nothing twice", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap, data_dir }) => {
    const file = `${data_dir}/long.csv`;
    const count = 60_000;
    await Deno.writeTextFile(`${data_dir}/target.csv`, generated(count));
    // A link may be read by its own name only.
    await Deno.symlink(`${data_dir}/target.csv`, file);
    // Small batches, so that the kill finds it at work.
    const environment = { ...max(file), TAPELINE_BATCH_TICKS: "200" };
    for (const kills_at of [5_000, 20_000]) {
      await withProducer(bootstrap, environment, async (producer) => {
        await producer.line((line) => line.event === "source_started");
        await eventually(async () => await sentTicks(producer) >= kills_at / 2, "some ticks");
        await producer.kill();
      });
    }
    strictEqual((await readTicks(bootstrap)).ticks.length < count, true, "it was killed too late");
    await withProducer(bootstrap, environment, async (producer) => {
      const { after_lines } = await producer.line((line) => line.event === "source_started");
      ok((after_lines as number[]).every((line) => line > 0), "it did not go on, it began again");
      strictEqual(await producer.ended(), 0);
    });
    const { ticks } = await readTicks(bootstrap);
    strictEqual(ticks.length, count);
    strictEqual(new Set(ticks.map(({ tick }) => tick.timestamp)).size, count);
  });
});

Deno.test("a replay that is told to stop goes on when it is started again", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap, data_dir }) => {
    const file = `${data_dir}/long.csv`;
    const count = 40_000;
    await Deno.writeTextFile(file, generated(count));
    const environment = { ...max(file), TAPELINE_BATCH_TICKS: "200" };
    await withProducer(bootstrap, environment, async (producer) => {
      await producer.line((line) => line.event === "source_started");
      await eventually(async () => await sentTicks(producer) > 1_000, "some ticks");
      strictEqual(await producer.stop(), 0);
    });
    const before = await readTicks(bootstrap);
    ok(before.ticks.length < count, "it was stopped too late");
    deepStrictEqual(receiptsDiffer(before), [], "an ordered stop reports every receipt");
    await withProducer(bootstrap, environment, async (producer) => {
      strictEqual(await producer.ended(), 0);
    });
    const after = await readTicks(bootstrap);
    strictEqual(new Set(after.ticks.map(({ tick }) => tick.timestamp)).size, count);
    strictEqual(after.ticks.length, count);
    deepStrictEqual(receiptsDiffer(after), []);
  });
});

Deno.test("the broker away in the middle of a replay: nothing is lost, nothing comes twice", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap, data_dir, kafka }) => {
    const file = `${data_dir}/long.csv`;
    const count = 60_000;
    await Deno.writeTextFile(file, generated(count));
    const environment = { ...max(file), TAPELINE_BATCH_TICKS: "200" };
    await withProducer(bootstrap, environment, async (producer) => {
      await eventually(async () => await sentTicks(producer) > 1_000, "some ticks");
      await kafka.kill();
      await kafka.restart();
      strictEqual(await producer.ended(), 0);
    });
    const content = await readTicks(bootstrap);
    strictEqual(content.ticks.length, count);
    strictEqual(new Set(content.ticks.map(({ tick }) => tick.timestamp)).size, count);
    deepStrictEqual(receiptsDiffer(content), []);
  });
});

Deno.test("daily index prices are ticks at midnight, the cut last line is a dead letter", {
  ignore: !hasSharedData(),
}, async () => {
  const file = sharedFile("index-csv/indexProcessed_HSI_truncated.csv");
  await withEmptyTopics(servers(), async ({ bootstrap }) => {
    await withProducer(bootstrap, max(file), async (producer) => {
      strictEqual(await producer.ended(), 0);
      const refused = producer.lines.filter((line) => line.event === "line_refused");
      match(refused[0]!.message, /CloseUSD must be a number.*without a line end/);
      deepStrictEqual(refused.map((line) => [line.line, line.reason]), [[5_694, "line_malformed"]]);
    });
    const { ticks } = await readTicks(bootstrap);
    strictEqual(ticks.length, 5_692);
    strictEqual(ticks.filter(({ tick }) => tick.volume === 0).length, 3_600);
    deepStrictEqual(ticks[0]!.tick, {
      symbol: "HSI",
      price: 2568.300049,
      volume: 0,
      timestamp: Date.UTC(1986, 11, 31),
      source: "replay/indexProcessed_HSI_truncated.csv",
    });
    const letters = await readTopic(bootstrap, DEFAULT_TOPIC_NAMES.dead_letters);
    strictEqual(letters.length, 1);
    const { value, headers } = letters[0]!.record;
    match(String(value), /^HSI,2010-01-11,.*,2913\.$/);
    strictEqual(String(headers?.["tapeline-line-number"]), "5694");
  });
});
