/** One run of the whole pipeline: a replay through Kafka, windows and rows, with what watches it. */
import type { ServiceName } from "../../contract/pipeline.ts";
import { sleep, withDeadline } from "../../runtime/backoff.ts";
import { makeTopics, withDatabase } from "../../services/sink/sink_test_data.ts";
import type { TestServers } from "../local/test_servers.ts";
import { type ServiceUnderTest, startService } from "../testing/test_service.ts";
import type { Run } from "./benchmark.ts";
import { type CpuFollower, followCpu } from "./process_cpu.ts";
import { scrapeAll } from "./scrape.ts";
import { makeTables, settle } from "./tick_rows.ts";

const RUN_DEADLINE_MS = 300_000;
const LOOK_INTERVAL_MS = 100;

/** What is run. */
export interface PipelineRun {
  servers: TestServers;
  /** Keeps its topics and groups apart from those of other runs. */
  name: string;
  /** The file that is replayed at full speed (tick_file.ts), and how many ticks it has. */
  path: string;
  ticks: number;
  /** The services that run beside the producer, which is started when they are ready. */
  services: readonly ServiceName[];
  environment: { [variable: string]: string };
}

/**
 * Runs a file through the pipeline, until every tick is a row and in a stored candle.
 *
 * @returns Wall time from the start of the producer; CPU time of each process from its own start,
 *   of the servers from the start of the first.
 */
export async function runPipeline(
  { servers, name, path, ticks, services, environment }: PipelineRun,
): Promise<Omit<Run, "subject" | "round">> {
  const topics = await makeTopics(servers.bootstrap, name);
  const url = await servers.newDatabase();
  await makeTables(url);
  await settle(url);
  const settings = {
    KAFKA_BOOTSTRAP_SERVERS: servers.bootstrap,
    DATABASE_URL: url,
    KAFKA_TOPIC: topics.ticks,
    TAPELINE_CANDLE_TOPIC: topics.candles,
    TAPELINE_DEAD_LETTER_TOPIC: topics.dead_letters,
    CONSUMER_GROUP: name,
    TAPELINE_AGGREGATOR_GROUP: `${name}-aggregator`,
    TAPELINE_CANDLE_INTERVALS: "1m",
    ...environment,
  };
  const running: ServiceUnderTest[] = [];
  const followers: CpuFollower[] = [];
  try {
    const readers = services.map((service) => startService(service, settings));
    running.push(...readers);
    followers.push(followCpu({
      ...Object.fromEntries(readers.map(({ pid }, at) => [services[at]!, pid])),
      kafka: servers.kafka.process().pid,
      postgres: servers.postgres.process().pid,
    }));
    await Promise.all(readers.map((reader) => reader.ready()));
    const started_at_ms = performance.now();
    const producer = startService("producer", {
      ...settings,
      TAPELINE_SOURCE: "replay",
      TAPELINE_REPLAY_FILE: path,
      TAPELINE_REPLAY_SPEED: "max",
    });
    running.push(producer);
    followers.push(followCpu({ producer: producer.pid }));
    const stopScraping = scrapeAll(running);
    try {
      await withDeadline(untilStored(url, topics.ticks, ticks), RUN_DEADLINE_MS, "Storing it all");
    } finally {
      stopScraping();
    }
    return {
      work: ticks,
      wall_seconds: (performance.now() - started_at_ms) / 1_000,
      cpu_seconds: Object.assign({}, ...followers.map((follower) => follower.seconds())),
    };
  } finally {
    for (const follower of followers) follower.stop();
    await Promise.all(running.map((service) => service.kill()));
  }
}

async function untilStored(url: string, tick_topic: string, ticks: number): Promise<void> {
  await withDatabase(url, async ({ sql }) => {
    for (;; await sleep(LOOK_INTERVAL_MS)) {
      const [reached] = await sql<{ offset: number; trades: number }[]>`
        SELECT (SELECT coalesce(sum(next_offset), 0)::float8 FROM kafka_offsets
                WHERE topic = ${tick_topic}) AS offset,
          (SELECT coalesce(sum(trades), 0)::float8 FROM candles) AS trades`;
      if (reached!.offset < ticks || reached!.trades < ticks) continue;
      // Markers are records too, so that the offsets alone are not exact.
      const [counted] = await sql<{ rows: number }[]>`SELECT count(*)::float8 AS rows FROM ticks`;
      if (counted!.rows >= ticks) return;
    }
  }, 1);
}
