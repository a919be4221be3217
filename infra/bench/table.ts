/** The benchmarks, in the order of the report. */
import { AGGREGATOR, GUARANTEE } from "./aggregator.ts";
import type { Benchmark } from "./benchmark.ts";

export const BENCHMARKS: readonly Benchmark[] = [AGGREGATOR, GUARANTEE];
