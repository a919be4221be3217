import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { sharedServers } from "../../infra/local/shared_servers.ts";
import { eventually } from "../../infra/testing/test_service.ts";
import { readTicks, withEmptyTopics, withProducer } from "./test_producer.ts";

const servers = sharedServers({ kafka: true });

const max = (file: string): { [variable: string]: string } => ({
  TAPELINE_SOURCE: "replay",
  TAPELINE_REPLAY_FILE: file,
  TAPELINE_REPLAY_SPEED: "max",
});

/** Rows whose timestamps go on from the first. */
function rows(first: number, count: number): string {
  return Array.from({ length: count }, (_, at) => `S${at % 11},${first + at},1.5,2,,\n`).join("");
}

const HEADER = "symbol,timestamp,price,volume,trade_id,price_forming\n";

async function replayWhole(
  bootstrap: string,
  file: string,
  more: { [variable: string]: string } = {},
): Promise<void> {
  await withProducer(bootstrap, { ...max(file), ...more }, async (producer) => {
    strictEqual(await producer.ended(), 0);
  });
}

/** How many ticks each source has in Kafka, and in how many partitions it has ended. */
async function contentOf(bootstrap: string): Promise<{
  ticks: { [source: string]: number };
  ends: { [source: string]: number };
}> {
  const { ticks, markers } = await readTicks(bootstrap);
  const count = (sources: string[]): { [source: string]: number } => {
    const counts: { [source: string]: number } = {};
    for (const source of sources) counts[source] = (counts[source] ?? 0) + 1;
    return counts;
  };
  return {
    ticks: count(ticks.map(({ tick }) => tick.source)),
    ends: count(markers.flatMap(({ marker }) => marker.ended ? [marker.source] : [])),
  };
}

Deno.test("files of one name, and one that has grown, are sources of their own, for good", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap, data_dir }) => {
    for (const [folder, first, count] of [["a", 0, 50], ["b", 10_000, 70]] as const) {
      await Deno.mkdir(`${data_dir}/${folder}`);
      await Deno.writeTextFile(`${data_dir}/${folder}/trades.csv`, HEADER + rows(first, count));
      await replayWhole(bootstrap, `${data_dir}/${folder}/trades.csv`);
    }
    await Deno.writeTextFile(`${data_dir}/a/trades.csv`, rows(50, 10), { append: true });
    await replayWhole(bootstrap, `${data_dir}/a/trades.csv`);
    await replayWhole(bootstrap, `${data_dir}/b/trades.csv`, { TAPELINE_REPLAY_AGAIN: "true" });
    // Each is known again, under the name that it has.
    for (const [folder, source] of [["a", "~3"], ["b", "~4"]] as const) {
      const environment = max(`${data_dir}/${folder}/trades.csv`);
      await withProducer(bootstrap, environment, async (producer) => {
        const known = await producer.line((line) => line.event === "already_replayed");
        strictEqual(known.source, `replay/trades.csv${source}`);
        strictEqual(await producer.ended(), 0);
      });
    }
    const name = "replay/trades.csv";
    deepStrictEqual(await contentOf(bootstrap), {
      ticks: { [name]: 50, [`${name}~2`]: 70, [`${name}~3`]: 60, [`${name}~4`]: 70 },
      ends: { [name]: 3, [`${name}~2`]: 3, [`${name}~3`]: 3, [`${name}~4`]: 3 },
    });
  });
});

Deno.test("a resumed replay keeps its source, and a search that ends early says so", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap, data_dir }) => {
    for (const [folder, count] of [["a", 9_000], ["b", 40_000]] as const) {
      await Deno.mkdir(`${data_dir}/${folder}`);
      await Deno.writeTextFile(`${data_dir}/${folder}/long.csv`, HEADER + rows(0, count));
    }
    await replayWhole(bootstrap, `${data_dir}/a/long.csv`);
    // A search of a thousand records does not reach the topic's start, but a's end markers.
    const environment = {
      ...max(`${data_dir}/b/long.csv`),
      TAPELINE_BATCH_TICKS: "200",
      TAPELINE_REPLAY_SEARCH_RECORDS: "1000",
    };
    await withProducer(bootstrap, environment, async (producer) => {
      const warning = await producer.line((line) => line.event === "search_cut");
      match(warning.message, /only the newest 1000 records of each partition/);
      await eventually(
        async () => (await contentOf(bootstrap)).ticks["replay/long.csv~2"]! > 0,
        "some ticks of the second file",
      );
      await producer.kill();
    });
    strictEqual((await contentOf(bootstrap)).ends["replay/long.csv~2"], undefined, "killed late");
    await replayWhole(bootstrap, `${data_dir}/b/long.csv`);
    deepStrictEqual(await contentOf(bootstrap), {
      ticks: { "replay/long.csv": 9_000, "replay/long.csv~2": 40_000 },
      ends: { "replay/long.csv": 3, "replay/long.csv~2": 3 },
    });
  });
});

Deno.test("samples of a file are a source of their own, which never ends", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap, data_dir }) => {
    const file = `${data_dir}/trades.csv`;
    await Deno.writeTextFile(file, HEADER + rows(0, 50));
    const environment = {
      TAPELINE_SOURCE: "replay",
      TAPELINE_REPLAY_FILE: file,
      TAPELINE_REPLAY_SAMPLE: "true",
    };
    const sampled = async (): Promise<number> =>
      (await contentOf(bootstrap)).ticks["replay/trades.csv~sample"] ?? 0;
    for (const round of ["before", "after"]) {
      const already = await sampled();
      await withProducer(bootstrap, environment, async (producer) => {
        await eventually(async () => await sampled() > already, `a sample ${round} the replay`);
        strictEqual(await producer.stop(), 0);
      });
      if (round === "before") await replayWhole(bootstrap, file);
    }
    const { ticks, ends } = await contentOf(bootstrap);
    deepStrictEqual([ticks["replay/trades.csv"], ends], [50, { "replay/trades.csv": 3 }]);
    strictEqual(Object.keys(ticks).length, 2);
  });
});

Deno.test("files of one name that are replayed at the same moment are sources of their own", async () => {
  await withEmptyTopics(servers(), async ({ bootstrap, data_dir }) => {
    const replays = ["a", "b", "c"].map(async (folder, at) => {
      await Deno.mkdir(`${data_dir}/${folder}`);
      await Deno.writeTextFile(`${data_dir}/${folder}/trades.csv`, HEADER + rows(0, 50 + at));
      await replayWhole(bootstrap, `${data_dir}/${folder}/trades.csv`);
    });
    await Promise.all(replays);
    const { ticks, ends } = await contentOf(bootstrap);
    deepStrictEqual(Object.values(ticks).sort(), [50, 51, 52]);
    deepStrictEqual(Object.values(ends), [3, 3, 3]);
  });
});
