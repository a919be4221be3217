/**
 * What measuring costs: the same ticks through the whole pipeline without metrics, with them, and
 * with them and traces. What counts is each run against the one without metrics of the same round.
 */
import type { TestServers } from "../local/test_servers.ts";
import type { Benchmark, BenchmarkContext, Outcome, Subject } from "./benchmark.ts";
import { inTurns } from "./benchmark.ts";
import { writeTicks } from "./tick_file.ts";
import type { TickShape } from "./tick_topic.ts";
import { withTracedServers } from "./traced_servers.ts";
import { runPipeline } from "./whole_pipeline.ts";

/**
 * Runs the benchmark.
 *
 * @param shape What ticks.
 */
export async function benchTelemetry(
  shape: TickShape,
  context: BenchmarkContext,
): Promise<Outcome> {
  const options = { kafka: true, postgres: true };
  return await withTracedServers(options, context, async (servers, trace_endpoint) => {
    const path = `${servers.data_dir}/ticks.csv`;
    await writeTicks(path, shape);
    const subject = (name: string, environment: { [variable: string]: string }): Subject => ({
      name,
      run: (run_name) => runWith(servers, run_name, path, shape.ticks, environment),
    });
    const off = { TAPELINE_METRICS: "false" };
    // The first run pays for files and caches that are cold, and counts for nothing.
    await runWith(servers, "warm", path, shape.ticks, off);
    return {
      settings: {
        "off": ["TAPELINE_METRICS=false, no trace collector"],
        "metrics": ["as by default; scraped every 5 s"],
        "metrics and traces": ["as by default; scraped every 5 s, 1 % of the traces to Jaeger"],
      },
      runs: await inTurns([
        subject("off", off),
        subject("metrics", {}),
        subject("metrics and traces", { TAPELINE_TRACE_ENDPOINT: trace_endpoint }),
      ], context),
    };
  });
}

async function runWith(
  servers: TestServers,
  name: string,
  path: string,
  ticks: number,
  environment: { [variable: string]: string },
): ReturnType<Subject["run"]> {
  const services = ["aggregator", "sink"] as const;
  return await runPipeline({ servers, name, path, ticks, services, environment });
}

export const TELEMETRY: Benchmark = {
  name: "telemetry",
  run: (context) => benchTelemetry({ ticks: 3_000_000, symbols: 50, step_ms: 1 }, context),
};
