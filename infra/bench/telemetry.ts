/**
 * What measuring costs: the same ticks through the whole pipeline without metrics, with them, and
 * with them and traces. One run of each in turn, several times; what counts is each run against the
 * one without metrics of the same round, so that a machine that slows down slows both.
 */
import { sumOf } from "./figures.ts";
import { createPricePath, symbolSeed } from "../../services/producer/sources/price_path.ts";
import { makeTopics, sinkEnvironment, withDatabase } from "../../services/sink/sink_test_data.ts";
import { freePorts, LOOPBACK } from "../local/free_port.ts";
import { startJaeger } from "../local/jaeger_server.ts";
import { type TestServers, withServers } from "../local/test_servers.ts";
import { writeTickFile } from "../proofs/tick_files.ts";
import { type ServiceUnderTest, startService } from "../testing/test_service.ts";
import { withDeadline } from "../../runtime/backoff.ts";

const TICKS = 1_000_000;
const SYMBOLS = 50;
const SEED = 7;
const RUN_DEADLINE_MS = 300_000;
const POLL_MS = 50;
/** As Prometheus does by prometheus.yml. */
const SCRAPE_MS = 5_000;
/** /proc counts CPU time in these (USER_HZ is 100 on every Linux of note). */
const TICKS_PER_SECOND = 100;

/** How a run is measured. */
interface Mode {
  name: string;
  environment: { [variable: string]: string };
}

/** What a run took. */
export interface RunFigures {
  wall_seconds: number;
  /** Of the three services. */
  cpu_seconds: number;
}

/**
 * Runs the benchmark.
 *
 * @param rounds Runs of each mode.
 * @param tell Told of each run.
 * @returns By mode, a figure for each round.
 */
export async function benchTelemetry(
  rounds: number,
  tell: (line: string) => void,
): Promise<Map<string, RunFigures[]>> {
  return await withServers({ kafka: true, postgres: true }, async (servers) => {
    const [collector_port] = freePorts(1) as [number];
    const jaeger = await startJaeger({
      data_dir: servers.data_dir,
      port: null,
      progress: tell,
      stopping: new AbortController().signal,
      collector_port,
    });
    try {
      const file = `${servers.data_dir}/ticks.csv`;
      await writeTickFile(file, tickLines());
      const modes: Mode[] = [
        { name: "off", environment: { TAPELINE_METRICS: "false" } },
        { name: "metrics", environment: {} },
        {
          name: "metrics and traces",
          environment: { TAPELINE_TRACE_ENDPOINT: `http://${LOOPBACK}:${collector_port}` },
        },
      ];
      const figures = new Map<string, RunFigures[]>(modes.map(({ name }) => [name, []]));
      // The first run pays for files and caches that are cold, and counts for nothing.
      await runOnce(servers, "warm", file, modes[0]!);
      for (let round = 0; round < rounds; round++) {
        for (let turn = 0; turn < modes.length; turn++) {
          // Each comes first, in the middle and last as often: what came before may matter.
          const mode = modes[(round + turn) % modes.length]!;
          const run = await runOnce(servers, `round${round}-${turn}`, file, mode);
          figures.get(mode.name)!.push(run);
          tell(
            `round ${round + 1} ${mode.name.padEnd(18)} ${
              Math.round(TICKS / run.wall_seconds)
            } ticks/s, ${run.cpu_seconds.toFixed(1)} CPU seconds`,
          );
        }
      }
      return figures;
    } finally {
      await jaeger.stop();
    }
  });
}

function tickLines(): string[] {
  const paths = Array.from({ length: SYMBOLS }, (_, at) => {
    const symbol = `SYM${at}`;
    return { symbol, path: createPricePath(symbolSeed(SEED, symbol), 0.02) };
  });
  const start_ms = Date.UTC(2024, 0, 2);
  return Array.from({ length: TICKS }, (_, at) => {
    const { symbol, path } = paths[at % SYMBOLS]!;
    const timestamp = start_ms + at;
    const { price, volume } = path.next(SYMBOLS, timestamp);
    return `${symbol},${timestamp},${price},${volume},${at},true`;
  });
}

async function runOnce(
  servers: TestServers,
  name: string,
  file: string,
  { environment }: Mode,
): Promise<RunFigures> {
  const topics = await makeTopics(servers.bootstrap, name);
  const url = await servers.newDatabase();
  const settings = {
    ...sinkEnvironment(servers.bootstrap, url, topics, name),
    TAPELINE_AGGREGATOR_GROUP: `${name}-aggregator`,
    ...environment,
  };
  const readers = [startService("aggregator", settings), startService("sink", settings)];
  try {
    await Promise.all(readers.map((reader) => reader.ready()));
    const started_at_ms = performance.now();
    const producer = startService("producer", {
      ...settings,
      TAPELINE_SOURCE: "replay",
      TAPELINE_REPLAY_FILE: file,
      TAPELINE_REPLAY_SPEED: "max",
    });
    readers.push(producer);
    const cpu = followCpu(producer);
    const scraping = scrape(readers);
    try {
      await withDatabase(url, (database) =>
        withDeadline(
          (async () => {
            for (;;) {
              const [row] = await database.sql<{ stored: number }[]>`
                SELECT coalesce(sum(next_offset), 0)::float8 AS stored FROM kafka_offsets
                WHERE topic = ${topics.ticks}`;
              // Markers are records too, so that the count is exact only at the end.
              if (row!.stored >= TICKS) {
                const [counted] = await database.sql<{ rows: number }[]>`
                  SELECT count(*)::float8 AS rows FROM ticks`;
                if (counted!.rows >= TICKS) return;
              }
              await new Promise((resolve) => setTimeout(resolve, POLL_MS));
            }
          })(),
          RUN_DEADLINE_MS,
          `Storing ${TICKS} ticks`,
        ), 1);
      const wall_seconds = (performance.now() - started_at_ms) / 1_000;
      const of_readers = await Promise.all(readers.slice(0, 2).map(({ pid }) => cpuSeconds(pid)));
      return { wall_seconds, cpu_seconds: sumOf(of_readers) + cpu.seconds() };
    } finally {
      clearInterval(scraping);
      cpu.stop();
    }
  } finally {
    await Promise.all(readers.map((reader) => reader.kill()));
  }
}

/** Follows a process that may end by itself: what it had used is known then all the same. */
function followCpu({ pid }: ServiceUnderTest): { seconds(): number; stop(): void } {
  let last = 0;
  const timer = setInterval(() => {
    cpuSeconds(pid).then((seconds) => last = seconds, () => {
      // It has ended.
    });
  }, POLL_MS);
  return { seconds: () => last, stop: () => clearInterval(timer) };
}

/** CPU seconds of a process up to now, user and system (proc(5), /proc/pid/stat, fields 14, 15). */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function scrape(services: readonly ServiceUnderTest[]): ReturnType<typeof setInterval> {
  return setInterval(async () => {
    for (const service of services) {
      const url = `${await service.operationsUrl()}/metrics`;
      const headers = { accept: "application/openmetrics-text; version=1.0.0" };
      // A producer that has done its work does not answer any more.
      await fetch(url, { headers }).then((response) => response.text(), () => {});
    }
  }, SCRAPE_MS);
}
