/** Runs a benchmark, and notes where and with what it ran. */
import type { Benchmark, BenchmarkContext, Measurement } from "./benchmark.ts";

/**
 * Runs a benchmark.
 *
 * @returns Its raw data, with the machine and the versions that it ran on.
 */
export async function measure(
  benchmark: Benchmark,
  context: BenchmarkContext,
): Promise<Measurement> {
  const started_at = new Date().toISOString();
  const { runs, versions = {}, settings = {} } = await benchmark.run(context);
  return {
    benchmark: benchmark.name,
    started_at,
    ended_at: new Date().toISOString(),
    commit: await commit(),
    machine: await machine(),
    versions: { Deno: Deno.version.deno, V8: Deno.version.v8, ...versions },
    settings,
    runs,
  };
}

async function commit(): Promise<string> {
  const head = (await output("git", "rev-parse", "--short", "HEAD")).trim();
  // What benchmarks write themselves is no change of what the next one measures.
  const changes = await output(
    "git",
    "status",
    "--porcelain",
    "--",
    ".",
    ":!docs/benchmarks",
    ":!README.md",
  );
  return changes === "" ? head : `${head}+`;
}

async function machine(): Promise<{ [fact: string]: string }> {
  const processors = await Deno.readTextFile("/proc/cpuinfo");
  const memory_kib = Number(/MemTotal:\s+(\d+)/.exec(await Deno.readTextFile("/proc/meminfo"))![1]);
  return {
    processor: /model name\s*: (.*)/.exec(processors)?.[1] ?? Deno.build.arch,
    cores: String(navigator.hardwareConcurrency),
    memory: `${(memory_kib / 2 ** 20).toFixed(0)} GiB`,
    system: `${Deno.build.os} ${Deno.osRelease()}`,
  };
}

async function output(program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (code !== 0) {
    throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}
