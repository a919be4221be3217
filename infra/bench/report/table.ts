/** The benchmarks, in the order of the report. */
import { AGGREGATOR, AGGREGATOR_PYTHON, GUARANTEE } from "../aggregator.ts";
import type { Benchmark } from "../benchmark.ts";
import { GROWTH } from "../growth.ts";
import { GROWTH_ROWS } from "../growth_rows.ts";
import { PIPELINE_COST } from "../pipeline.ts";
import { PRODUCER } from "../producer.ts";
import { SINK } from "../sink.ts";
import { START } from "../start.ts";
import { TELEMETRY } from "../telemetry.ts";

export const BENCHMARKS: readonly Benchmark[] = [
  AGGREGATOR,
  AGGREGATOR_PYTHON,
  GUARANTEE,
  PRODUCER,
  SINK,
  TELEMETRY,
  PIPELINE_COST,
  GROWTH,
  GROWTH_ROWS,
  START,
];
