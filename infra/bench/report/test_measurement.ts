/** Measurements that nobody measured, for the report's own tests. */
import type { Measurement, Run } from "../benchmark.ts";

/** A run of a million ticks at some rate. */
export function madeUpRun(
  subject: string,
  round: number,
  ticks_per_s: number,
  more: Partial<Run> = {},
): Run {
  const work = 1_000_000;
  const wall_seconds = work / ticks_per_s;
  return { subject, round, work, wall_seconds, cpu_seconds: { [subject]: 4 }, ...more };
}

/** A measurement of some runs. */
export function madeUpMeasurement(
  benchmark: string,
  runs: Run[],
  more: Partial<Measurement> = {},
): Measurement {
  return {
    benchmark,
    started_at: "2026-01-02T03:04:05.000Z",
    ended_at: "2026-01-02T03:14:05.000Z",
    commit: "abc1234",
    machine: { processor: "Abacus", cores: "2", memory: "23 GiB" },
    versions: { Deno: "2.9.6" },
    settings: {},
    runs,
    ...more,
  };
}

/** By benchmark, as the report wants them. */
export function byBenchmark(...measurements: Measurement[]): Map<string, Measurement> {
  return new Map(measurements.map((measurement) => [measurement.benchmark, measurement]));
}
