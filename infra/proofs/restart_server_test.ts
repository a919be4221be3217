import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Database, openDatabase } from "../../runtime/database.ts";
import { createLogger } from "../../runtime/log.ts";
import { openReader, readRange } from "../../runtime/kafka_reader.ts";
import { DEAD_LETTER_HEADERS } from "../../contract/dead_letter.ts";
import { DEFAULT_TOPIC_NAMES } from "../../contract/topics.ts";
import { startKafka } from "../local/kafka_server.ts";
import { startPostgres } from "../local/postgres_server.ts";
import { notedPids, type RunningStart, runStart } from "../local/test_start.ts";
import { withTestDirectory } from "../local/test_servers.ts";
import { eventually } from "../testing/test_service.ts";
import { hasSharedData, readTickLines } from "../testing/shared_data.ts";
import { type StoredCandle, storedCandles } from "./candle_checks.ts";
import { shuffleWithin, writeTickFile } from "./tick_files.ts";
import { outcomeOf, stopRun } from "./whole_run.ts";

/** Further than the allowed lateness, so that some ticks are late. */
const DELAY_MS_MAX = 5_600;
/** The morning is enough: all of the day is another proof's. */
const MORNING_TICKS = 60_000;

/** What a data directory holds in the end. */
interface Found {
  candles: StoredCandle[];
  ticks: number;
  places: number;
  /** The aggregator's late ticks, as they came in. */
  late: string[];
}

Deno.test("proof: restarts in the middle of a shuffled replay change nothing", {
  ignore: !hasSharedData(),
}, async () => {
  const morning = (await readTickLines("equity-2013-10-07")).slice(0, MORNING_TICKS);
  const lines = shuffleWithin(morning, DELAY_MS_MAX, 3);
  const undisturbed = await withTestDirectory(async (data_dir) => {
    const file = `${data_dir}/trades.csv`;
    await writeTickFile(file, lines);
    const { code, output } = await outcomeOf(startReplay(data_dir, file));
    strictEqual(code, 0, output);
    return await look(data_dir);
  });
  ok(undisturbed.late.length > 20, `${undisturbed.late.length} ticks are late`);
  strictEqual(undisturbed.ticks, lines.length);

  const disturbed = await withTestDirectory(async (data_dir) => {
    const file = `${data_dir}/trades.csv`;
    await writeTickFile(file, lines);

    const first = startReplay(data_dir, file);
    await storedReaches(first, 10_000);
    const stopped = await stopRun(first);
    ok(!stopped.output.includes("the source has ended"), "SIGTERM came too late");

    const second = startReplay(data_dir, file);
    await storedReaches(second, 30_000);
    Deno.kill((await notedPids(data_dir)).get("producer")!, "SIGKILL");
    await eventually(
      async () => (await second.parts()).get("producer")!.restarts > 0,
      "the producer to be started again",
    );
    const { code, output } = await outcomeOf(second);
    strictEqual(code, 0, output);
    return await look(data_dir);
  });
  strictEqual(disturbed.ticks, lines.length);
  strictEqual(disturbed.places, lines.length);
  deepStrictEqual(disturbed.late, undisturbed.late);
  deepStrictEqual(disturbed.candles, undisturbed.candles);
});

function startReplay(data_dir: string, file: string): RunningStart {
  return runStart(
    data_dir,
    ["--source", "replay", "--file", file, "--speed", "max", "--until-drained"],
    // Small batches: there is a middle to hit.
    { NO_COLOR: "1", TAPELINE_BATCH_TICKS: "200" },
  );
}

async function storedReaches(run: RunningStart, count: number): Promise<void> {
  await run.says("Tapeline runs");
  await withDatabase((await run.endpoints()).postgres!, async ({ sql }) => {
    await eventually(
      async () => (await sql`select count(*)::float8 as ticks from ticks`)[0]!.ticks >= count,
      `${count} ticks to be stored`,
    );
  });
}

async function withDatabase<Result>(
  url: string,
  use: (database: Database) => Promise<Result>,
): Promise<Result> {
  const database = openDatabase({
    url,
    application_name: "proof",
    pool_size: 1,
    statement_timeout_ms: 60_000,
  });
  try {
    return await use(database);
  } finally {
    await database.close();
  }
}

/** Starts the servers of a data directory again, and looks at what they hold. */
async function look(data_dir: string): Promise<Found> {
  const { signal: stopping } = new AbortController();
  const kafka = await startKafka({ data_dir, port: null, progress: () => {}, stopping });
  const postgres = await startPostgres({ data_dir, port: null });
  try {
    return await withDatabase(postgres.database_url, async (database) => {
      const [counts] = await database.sql`
        select count(*)::float8 as ticks,
          count(distinct (kafka_partition, kafka_offset))::float8 as places from ticks`;
      return {
        candles: await storedCandles(database),
        ticks: counts!.ticks,
        places: counts!.places,
        late: await lateTicks(kafka.bootstrap),
      };
    });
  } finally {
    await Promise.all([kafka.stop(), postgres.stop()]);
  }
}

async function lateTicks(bootstrap: string): Promise<string[]> {
  const reader = await openReader({
    bootstrap_servers: [bootstrap],
    client_id: "proof",
    log: createLogger("proof", "error"),
  });
  const topic = DEFAULT_TOPIC_NAMES.dead_letters;
  const late: string[] = [];
  const { earliest, last_stable } = await reader.ends(topic, 0);
  for await (const records of readRange(reader, topic, 0, earliest, last_stable)) {
    for (const { headers, value } of records) {
      strictEqual(headers![DEAD_LETTER_HEADERS.class]!.toString(), "late");
      late.push(value!.toString());
    }
  }
  await reader.close();
  return late.sort();
}
