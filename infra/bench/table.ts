/** The benchmarks, in the order of the report. */
import { AGGREGATOR, AGGREGATOR_PYTHON, GUARANTEE } from "./aggregator.ts";
import type { Benchmark } from "./benchmark.ts";
import { GROWTH } from "./growth.ts";

export const BENCHMARKS: readonly Benchmark[] = [AGGREGATOR, AGGREGATOR_PYTHON, GUARANTEE, GROWTH];
