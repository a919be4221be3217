/**
 * Ticks into Postgres: our sink, which stores rows and offsets in one transaction and has all its
 * telemetry, beside psql's \copy of a file of the same rows. Both write into a table that our
 * migrations made, with its indexes and partitions, in a database of its own of one server.
 */
import type { Database } from "../../runtime/database.ts";
import { sleep, withDeadline } from "../../runtime/backoff.ts";
import { makeTopics, type TestTopics, withDatabase } from "../../services/sink/sink_test_data.ts";
import type { TestServers } from "../local/test_servers.ts";
import { startService } from "../testing/test_service.ts";
import type { Benchmark, BenchmarkContext, Outcome, Run, Subject } from "./benchmark.ts";
import { inTurns } from "./benchmark.ts";
import { followCpu } from "./process_cpu.ts";
import { scrapeAll } from "./scrape.ts";
import {
  makeTables,
  psqlVersion,
  settle,
  startCopy,
  STATEMENT_TIMEOUT_MS,
  sumOfRows,
  sumOfTicks,
  type TickSum,
  writeRows,
} from "./tick_rows.ts";
import { fillTopic, type TickShape } from "./tick_topic.ts";
import { withTracedServers } from "./traced_servers.ts";

const PARTITIONS = 3;
const RUN_DEADLINE_MS = 300_000;
const LOOK_INTERVAL_MS = 50;

/** How many ticks are stored, by the offsets that are stored with them. */
async function stored({ sql }: Database, topic: string): Promise<number> {
  const [row] = await sql<{ stored: number }[]>`
    SELECT coalesce(sum(next_offset), 0)::float8 AS stored FROM kafka_offsets
    WHERE topic = ${topic}`;
  return row!.stored;
}

async function compareRows(
  database: Database,
  wanted: TickSum,
): Promise<NonNullable<Run["compared"]>> {
  const found = await sumOfRows(database);
  const same = found.ticks === wanted.ticks && found.checksum === wanted.checksum;
  return { rows: wanted.ticks, differing: same ? 0 : wanted.ticks };
}

/** What a sink is to store. */
export interface SinkInput {
  servers: TestServers;
  topics: TestTopics;
  wanted: TickSum;
  trace_endpoint: string;
}

/**
 * Our sink as a subject.
 *
 * @param input What it stores.
 * @param name What it is told by.
 * @param makeDatabase Gives a database with its tables, in which none of these ticks is yet.
 */
export function sinkSubject(
  { servers, topics, wanted, trace_endpoint }: SinkInput,
  name: string,
  makeDatabase: () => Promise<string>,
): Subject {
  return {
    name,
    async run(run_name) {
      const url = await makeDatabase();
      await settle(url);
      const started_at_ms = performance.now();
      const service = startService("sink", {
        KAFKA_BOOTSTRAP_SERVERS: servers.bootstrap,
        DATABASE_URL: url,
        KAFKA_TOPIC: topics.ticks,
        TAPELINE_CANDLE_TOPIC: topics.candles,
        TAPELINE_DEAD_LETTER_TOPIC: topics.dead_letters,
        CONSUMER_GROUP: run_name,
        TAPELINE_TRACE_ENDPOINT: trace_endpoint,
      });
      const cpu = followCpu({
        sink: service.pid,
        postgres: servers.postgres.process().pid,
        kafka: servers.kafka.process().pid,
      });
      const stopScraping = scrapeAll([service]);
      try {
        return await withDatabase(
          url,
          async (database) => {
            let first: { at_ms: number; rows: number } | null = null;
            let rows = 0;
            const storing = (async () => {
              while ((rows = await stored(database, topics.ticks)) < wanted.ticks) {
                if (first === null && rows > 0) first = { at_ms: performance.now(), rows };
                await sleep(LOOK_INTERVAL_MS);
              }
            })();
            await withDeadline(storing, RUN_DEADLINE_MS, `Storing ${wanted.ticks} ticks`);
            const ended_at_ms = performance.now();
            const cpu_seconds = cpu.seconds();
            const since = first! as { at_ms: number; rows: number };
            return {
              work: wanted.ticks,
              wall_seconds: (ended_at_ms - started_at_ms) / 1_000,
              cpu_seconds,
              figures: {
                stored_rows_per_s: (rows - since.rows) / ((ended_at_ms - since.at_ms) / 1_000),
              },
              compared: await compareRows(database, wanted),
            };
          },
          1,
          STATEMENT_TIMEOUT_MS,
        );
      } finally {
        stopScraping();
        cpu.stop();
        await service.kill();
      }
    },
  };
}

function psqlCopy(
  servers: TestServers,
  path: string,
  wanted: TickSum,
): Subject {
  return {
    name: "psql \\copy",
    async run() {
      const url = await servers.newDatabase();
      await makeTables(url);
      await settle(url);
      const started_at_ms = performance.now();
      const child = startCopy(url, path);
      const cpu = followCpu({ psql: child.pid, postgres: servers.postgres.process().pid });
      try {
        await child.ended(RUN_DEADLINE_MS);
        const wall_seconds = (performance.now() - started_at_ms) / 1_000;
        return {
          work: wanted.ticks,
          wall_seconds,
          cpu_seconds: cpu.seconds(),
          figures: { stored_rows_per_s: wanted.ticks / wall_seconds },
          compared: await withDatabase(url, (database) => compareRows(database, wanted), 1),
        };
      } finally {
        cpu.stop();
        await child.kill();
      }
    },
  };
}

/**
 * Runs the benchmark.
 *
 * @param shape What ticks.
 */
export async function benchSink(shape: TickShape, context: BenchmarkContext): Promise<Outcome> {
  const psql = await psqlVersion();
  const options = { kafka: true, postgres: true };
  return await withTracedServers(options, context, async (servers, trace_endpoint) => {
    const topics = await makeTopics(servers.bootstrap, "input");
    context.tell(`filling a topic with ${shape.ticks.toLocaleString("en")} ticks`);
    await fillTopic(servers.bootstrap, topics.ticks, PARTITIONS, shape);
    const path = `${servers.data_dir}/ticks.copy`;
    await writeRows(servers.bootstrap, topics.ticks, path);
    const wanted = sumOfTicks(shape);
    const subjects = [
      sinkSubject({ servers, topics, wanted, trace_endpoint }, "tapeline", async () => {
        const url = await servers.newDatabase();
        await makeTables(url);
        return url;
      }),
      psqlCopy(servers, path, wanted),
    ];
    return {
      versions: { psql },
      settings: {
        tapeline: [
          "reads from Kafka, judges, stores rows and offsets in one transaction, as it does by " +
          "default; metrics scraped every 5 s, 1 % of the traces; judged from its first stored rows",
        ],
        "psql \\copy": [
          "one COPY of a text file that was made before, in one transaction; judged by the whole " +
          "run of psql",
        ],
      },
      runs: await inTurns(subjects, context),
    };
  });
}

export const SINK: Benchmark = {
  name: "sink",
  run: (context) => benchSink({ ticks: 2_000_000, symbols: 50, step_ms: 1 }, context),
};
