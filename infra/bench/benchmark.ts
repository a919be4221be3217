/** What a benchmark is, and what it brings: the raw data of the report. */
import type { Progress } from "../local/start_fault.ts";

/** One run of one subject, as it was measured. */
export interface Run {
  /** Who was measured: `tapeline`, `Kafka Streams`, … */
  subject: string;
  /** Runs of one round took turns, and are held against each other. */
  round: number;
  /** How much was done, in the benchmark's unit of work. */
  work: number;
  wall_seconds: number;
  /** By process: `aggregator`, `kafka`, … */
  cpu_seconds: { [process: string]: number };
  /** What else was measured, by name with its unit last. */
  figures?: { [name: string]: number };
  /** Results that were compared with ours, and how many of them differ: where any do, no figure counts. */
  compared?: ({ candles: number } | { rows: number }) & { differing: number };
}

/** All runs of a benchmark, as they are kept in docs/benchmarks/data. */
export interface Measurement {
  benchmark: string;
  /** Runs of a measurement are of one sitting. */
  started_at: string;
  ended_at: string;
  /** The commit of the working tree; with `+` where it held changes. */
  commit: string;
  machine: { [fact: string]: string };
  versions: { [program: string]: string };
  /** Settings of the subjects that matter, by subject. */
  settings: { [subject: string]: readonly string[] };
  runs: Run[];
}

/** What a benchmark is run with. */
export interface BenchmarkContext {
  rounds: number;
  tell: Progress;
  stopping: AbortSignal;
}

/** What a benchmark brings. */
export interface Outcome {
  versions?: { [program: string]: string };
  settings?: { [subject: string]: readonly string[] };
  runs: Run[];
}

/** A benchmark: `deno task bench NAME`. */
export interface Benchmark {
  name: string;
  run(context: BenchmarkContext): Promise<Outcome>;
}

/** Somebody who is measured. */
export interface Subject {
  name: string;
  /** One run from nothing to the end. */
  run(name_of_run: string): Promise<Omit<Run, "subject" | "round">>;
}

/**
 * Measures subjects in turns, so that a machine that slows down slows all of them. Each comes first,
 * in the middle and last as often as can be.
 *
 * @param subjects Who.
 * @param context How many rounds, and who is told.
 */
export async function inTurns(
  subjects: readonly Subject[],
  { rounds, tell, stopping }: BenchmarkContext,
): Promise<Run[]> {
  const runs: Run[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < subjects.length; turn++) {
      stopping.throwIfAborted();
      const subject = subjects[(round + turn) % subjects.length]!;
      const slug = subject.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
      const run = { subject: subject.name, round, ...await subject.run(`${slug}-${round}`) };
      runs.push(run);
      tell(describe(run));
    }
  }
  return runs;
}

function describe({ subject, round, work, wall_seconds, cpu_seconds, compared }: Run): string {
  const rate = `${Math.round(work / wall_seconds).toLocaleString("en")}/s, `;
  const cpu = Object.entries(cpu_seconds).map(([process, seconds]) =>
    `${process} ${seconds.toFixed(1)}`
  );
  const differing = compared?.differing ? `, ${compared.differing} results DIFFER` : "";
  return `round ${round + 1}  ${subject.padEnd(28)} ${work === 1 ? "" : rate}${
    wall_seconds.toFixed(1)
  } s  CPU s: ${cpu.join(", ")}${differing}`;
}
