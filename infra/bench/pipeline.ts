/**
 * From a source to row and candle: what the whole pipeline costs, by process, beside the sum of what
 * its parts cost where nothing but the work itself is done: a bare producing loop, a bare consuming
 * loop with the same windows, and a COPY of the same rows.
 */
import { makeTopics } from "../../services/sink/sink_test_data.ts";
import type { TestServers } from "../local/test_servers.ts";
import type { Benchmark, BenchmarkContext, Outcome, Run, Subject } from "./benchmark.ts";
import { inTurns } from "./benchmark.ts";
import { type Child, loopCommand, startChild } from "./child.ts";
import { sumOf } from "./figures.ts";
import { followCpu } from "./process_cpu.ts";
import { writeTicks } from "./tick_file.ts";
import { makeTables, psqlVersion, settle, startCopy, writeRows } from "./tick_rows.ts";
import { fillTopic, type TickShape } from "./tick_topic.ts";
import { withTracedServers } from "./traced_servers.ts";
import { runPipeline } from "./whole_pipeline.ts";

const PARTITIONS = 3;
const PART_DEADLINE_MS = 180_000;
/** The loop at its cheapest: as the benchmark `producer` runs it. */
const LOOP_PRODUCERS = 1;
const LOOP_BATCH = 2_000;

/** What the bare parts work on. */
interface BareInput {
  servers: TestServers;
  shape: TickShape;
  /** The ticks as a CSV file, and as rows. */
  csv_path: string;
  rows_path: string;
}

function whole(
  { servers, shape, csv_path }: BareInput,
  trace_endpoint: string,
  jaeger_pid: number,
): Subject {
  return {
    name: "tapeline",
    async run(name) {
      const jaeger = followCpu({ jaeger: jaeger_pid });
      try {
        const run = await runPipeline({
          servers,
          name,
          path: csv_path,
          ticks: shape.ticks,
          services: ["aggregator", "sink", "lag", "ledger"],
          environment: { TAPELINE_TRACE_ENDPOINT: trace_endpoint },
        });
        const { cpu_seconds, work } = run;
        const per_tick = Object.entries(cpu_seconds).map(([process, seconds]) => [
          `${process}_cpu_microseconds_per_tick`,
          seconds / work * 1e6,
        ]);
        return {
          ...run,
          figures: {
            ...Object.fromEntries(per_tick),
            total_cpu_microseconds_per_tick: sumOf(Object.values(cpu_seconds)) / work * 1e6,
            jaeger_cpu_seconds: jaeger.seconds().jaeger!,
          },
        };
      } finally {
        jaeger.stop();
      }
    },
  };
}

function bareParts({ servers, shape, csv_path, rows_path }: BareInput): Subject {
  const { bootstrap } = servers;
  const ticks = shape.ticks;
  return {
    name: "bare parts",
    async run(run_name) {
      const { ticks: topic } = await makeTopics(bootstrap, run_name);
      const url = await servers.newDatabase();
      await makeTables(url);
      await settle(url);
      const loop = [topic, csv_path, String(LOOP_PRODUCERS), String(LOOP_BATCH)];
      const produced = await measurePart(
        servers,
        "producing loop",
        "kafka",
        () =>
          startChild(
            loopCommand("peers/kafkajs_loop.ts", bootstrap, [csv_path], loop),
            `Filling ${topic}`,
          ),
      );
      const windows = [topic, `${run_name}-windows`, String(ticks)];
      const consumed = await measurePart(
        servers,
        "consuming loop",
        "kafka",
        () =>
          startChild(
            loopCommand("peers/kafkajs_windows.ts", bootstrap, [], windows),
            `Reading ${topic}`,
          ),
      );
      if (Number(consumed.said) !== ticks) {
        throw new Error(`The bare windows hold ${consumed.said.trim()} of ${ticks} trades`);
      }
      const copied = await measurePart(
        servers,
        "psql",
        "postgres",
        () => startCopy(url, rows_path),
      );
      const cpu_seconds: Run["cpu_seconds"] = {};
      for (const part of [produced, consumed, copied]) {
        for (const [process, seconds] of Object.entries(part.cpu_seconds)) {
          cpu_seconds[process] = (cpu_seconds[process] ?? 0) + seconds;
        }
      }
      return {
        work: ticks,
        wall_seconds: produced.wall_seconds + consumed.wall_seconds + copied.wall_seconds,
        cpu_seconds,
        figures: {
          bare_parts_cpu_microseconds_per_tick: sumOf(Object.values(cpu_seconds)) / ticks * 1e6,
        },
      };
    },
  };
}

/** Runs one part to its end, and reads its CPU time and that of the server that it works with. */
async function measurePart(
  servers: TestServers,
  process: string,
  server: "kafka" | "postgres",
  start: () => Child,
): Promise<Pick<Run, "wall_seconds" | "cpu_seconds"> & { said: string }> {
  const started_at_ms = performance.now();
  const child = start();
  const cpu = followCpu({ [process]: child.pid, [server]: servers[server].process().pid });
  try {
    const said = await child.ended(PART_DEADLINE_MS);
    const wall_seconds = (performance.now() - started_at_ms) / 1_000;
    return { wall_seconds, cpu_seconds: cpu.seconds(), said };
  } finally {
    cpu.stop();
    await child.kill();
  }
}

/**
 * Runs the benchmark.
 *
 * @param shape What ticks.
 */
export async function benchPipeline(shape: TickShape, context: BenchmarkContext): Promise<Outcome> {
  const psql = await psqlVersion();
  const options = { kafka: true, postgres: true };
  return await withTracedServers(options, context, async (servers, trace_endpoint, jaeger_pid) => {
    const csv_path = `${servers.data_dir}/ticks.csv`;
    const rows_path = `${servers.data_dir}/ticks.copy`;
    await writeTicks(csv_path, shape);
    const topics = await makeTopics(servers.bootstrap, "input");
    context.tell(`filling a topic with ${shape.ticks.toLocaleString("en")} ticks`);
    await fillTopic(servers.bootstrap, topics.ticks, PARTITIONS, shape);
    await writeRows(servers.bootstrap, topics.ticks, rows_path);
    const input = { servers, shape, csv_path, rows_path };
    const subjects = [whole(input, trace_endpoint, jaeger_pid), bareParts(input)];
    // The first run pays for servers that are cold, and counts for nothing.
    await subjects[0]!.run("warm");
    return {
      versions: { psql },
      settings: {
        "tapeline": [
          "the services that `deno task start` runs, as by default but with one-minute windows " +
          "alone; metrics scraped every 5 s, 1 % of the traces to Jaeger",
          "counted: all services from the start of each, Kafka and Postgres; Jaeger apart",
        ],
        "bare parts": [
          "one after the other: the bare producing loop of the benchmark `producer`; a bare " +
          "kafkajs consumer with JSON.parse and one-minute windows in memory; psql's \\copy of " +
          "the same rows into the same table",
          "counted: each program from its start, Kafka while it fills and is read, Postgres while " +
          "it copies",
        ],
      },
      runs: await inTurns(subjects, context),
    };
  });
}

export const PIPELINE_COST: Benchmark = {
  name: "pipeline",
  run: (context) => benchPipeline({ ticks: 2_000_000, symbols: 50, step_ms: 1 }, context),
};
