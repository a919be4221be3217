/** What the benchmarks are to reach: one row a figure. Pure. */
import type { Measurement } from "../benchmark.ts";
import { atSmallest, costOfOneMore, flatness } from "./growth_points.ts";
import {
  absolute,
  cpuMicroseconds,
  figure,
  type JudgedValue,
  type Metric,
  rate,
  ratioByRound,
  wallSeconds,
} from "./judged_value.ts";

/** A figure of the report. */
export interface Target {
  benchmark: string;
  what: string;
  /** Null where it is held against nothing but its bound. */
  against: string | null;
  /** What the number is, read behind it: `× its rate`. */
  unit: string;
  bound: "at least" | "at most";
  /** Without it the figure is reported, not judged. */
  reach?: number;
  beyond?: number;
  /** What a plot must draw for the bound to be seen in it: this metric, times the peer's if there is one. */
  drawn?: { metric: Metric; ours: string; peer: string | null };
  /** What is to stay flat, and over what. */
  flat?: { metric: Metric; dimension: string };
  value(measurement: Measurement): JudgedValue;
}

/** How a figure stands to what it is to reach. */
export type Verdict =
  | "beyond"
  | "reached"
  | "missed"
  | "not beyond"
  | "reported"
  | "does not count"
  | "not measured";

/** Ticks a second once a subject is warm. */
export const warmRate = figure("warm_ticks_per_s");
/** Seconds for a million ticks are microseconds for one. */
const warmCpuName = "warm_cpu_seconds_per_million";
/** CPU time of the subject's own processes for a million ticks, once it is warm. */
export const warmCpu = figure(warmCpuName);
/** Rows a second once the first are stored. */
export const storedRate = figure("stored_rows_per_s", rate);
/** CPU time for each tick: of the subject alone and warm where the run tells it, else of all. */
export const cpuPerTick = figure("cpu_microseconds_per_tick", figure(warmCpuName, cpuMicroseconds));
/** The most memory that the subject had. */
export const memory = figure("memory_bytes_max");
/** Windows that were published for each tick, each as often as it was. */
const publishedPerTick: Metric = (run) => {
  const written = figure("candles_written")(run);
  return written === null ? null : written / run.work;
};
/** Windows that are open at the end. */
const windowsOpen = figure("windows_open");

/** Over partitions and rows the dearest point costs at most so much more than the cheapest. */
const FLAT_PERCENT = 20;
/** So many runs make a median. */
export const ROUNDS_NEEDED = 3;

/** A row whose value is our runs' metric over the peer's of the same rounds. */
function ratio(
  row: Pick<Target, "benchmark" | "what" | "unit"> & Partial<Target>,
  metric: Metric,
  ours: string,
  peer: string,
  needs_candles = false,
): Target {
  return {
    against: peer,
    bound: "at least",
    drawn: { metric, ours, peer },
    value: (measurement) => ratioByRound(measurement, metric, ours, peer, needs_candles),
    ...row,
  };
}

/** A row whose value is a subject's metric by itself. */
function alone(
  row: Pick<Target, "benchmark" | "what" | "against" | "unit" | "bound"> & Partial<Target>,
  metric: Metric,
  subject: string,
): Target {
  return {
    drawn: { metric, ours: subject, peer: null },
    value: (measurement) => absolute(measurement, metric, subject),
    ...row,
  };
}

/** A row whose value is how far apart a metric's points are while something grows. */
function flat(benchmark: string, what: string, dimension: string, metric: Metric): Target {
  return {
    ...GROWTH,
    benchmark,
    what,
    against: "its cheapest point",
    unit: "% dearer",
    reach: FLAT_PERCENT,
    flat: { metric, dimension },
    value: (measurement) => flatness(measurement, dimension, metric),
  };
}

const OURS = "tapeline";
/** The subject that does the work of the pipeline without what we add to it. */
export const BARE_PARTS = "bare parts";
const AGGREGATOR = { benchmark: "aggregator", what: "aggregator, exactly once, warm" };
const PYTHON = { benchmark: "aggregator-python", what: "aggregator, exactly once, warm" };
const PRODUCER = { benchmark: "producer", what: "producer into Kafka" };
const SINK = { benchmark: "sink", what: "sink, rows and offsets, once it stores" };
const TELEMETRY = { benchmark: "telemetry", against: "itself without telemetry" };
const GROWTH = { benchmark: "growth", bound: "at most" } as const;
const RATE = "× its rate";

/** All figures, in the order of the report. */
export const TARGETS: readonly Target[] = [
  ratio({ ...PRODUCER, unit: RATE, reach: 0.9 }, rate, OURS, "bare kafkajs loop"),
  ratio({ ...PRODUCER, unit: RATE, beyond: 0.5 }, rate, OURS, "kafka-producer-perf-test"),
  ...["bare kafkajs loop", "kafka-producer-perf-test"].map((peer) =>
    ratio({ ...PRODUCER, what: "producer into Kafka, warm", unit: RATE }, warmRate, OURS, peer)
  ),
  ratio(
    { ...AGGREGATOR, unit: RATE, reach: 1.2, beyond: 1.6 },
    warmRate,
    OURS,
    "Kafka Streams",
    true,
  ),
  ratio(
    { ...AGGREGATOR, unit: "× its CPU per tick", bound: "at most", reach: 0.7, beyond: 0.5 },
    warmCpu,
    OURS,
    "Kafka Streams",
    true,
  ),
  ratio(
    { ...AGGREGATOR, what: "aggregator, exactly once, whole run", unit: RATE },
    rate,
    OURS,
    "Kafka Streams",
    true,
  ),
  ratio({ ...AGGREGATOR, unit: RATE }, warmRate, OURS, "PyFlink", true),
  ratio({ ...PYTHON, unit: RATE, reach: 10, beyond: 13 }, warmRate, OURS, "Quix Streams", true),
  ratio({ ...PYTHON, unit: RATE }, warmRate, OURS, "Faust", true),
  ratio(
    {
      benchmark: "guarantee",
      what: "aggregator, exactly once",
      against: "itself, at least once",
      unit: RATE,
      reach: 0.7,
      beyond: 0.85,
    },
    rate,
    "exactly once",
    "at least once",
    true,
  ),
  ratio(
    { ...TELEMETRY, what: "metrics and 1 % of traces on", unit: RATE, reach: 0.95, beyond: 0.98 },
    rate,
    "metrics and traces",
    "off",
  ),
  ratio({ ...TELEMETRY, what: "metrics on", unit: RATE }, rate, "metrics", "off"),
  ratio({ ...SINK, unit: RATE, reach: 0.85, beyond: 0.95 }, storedRate, OURS, "psql \\copy"),
  ratio(
    { ...SINK, what: "sink, whole run with its start", unit: RATE },
    rate,
    OURS,
    "psql \\copy",
  ),
  alone(
    {
      benchmark: "pipeline",
      what: "whole pipeline, all processes",
      against: null,
      unit: "µs of CPU per tick",
      bound: "at most",
    },
    cpuMicroseconds,
    OURS,
  ),
  ratio(
    {
      benchmark: "pipeline",
      what: "whole pipeline",
      against: "the sum of its bare parts",
      unit: "× their CPU per tick",
      bound: "at most",
      beyond: 1.2,
    },
    cpuMicroseconds,
    OURS,
    BARE_PARTS,
  ),
  flat("growth", "CPU per tick over partitions", "partitions", cpuPerTick),
  flat("growth-rows", "CPU per stored row over rows in `ticks`", "rows", cpuMicroseconds),
  {
    ...GROWTH,
    what: "CPU per tick at the fewest symbols",
    against: null,
    unit: "µs, the aggregator alone",
    value: (measurement) => atSmallest(measurement, "symbols", cpuPerTick),
  },
  {
    ...GROWTH,
    what: "CPU per window published more, over symbols",
    against: null,
    unit: "µs, all processes",
    value: (measurement) =>
      costOfOneMore(measurement, "symbols", cpuMicroseconds, publishedPerTick),
  },
  {
    ...GROWTH,
    what: "peak memory, for each open window more, over symbols",
    against: null,
    unit: "bytes",
    value: (measurement) => costOfOneMore(measurement, "symbols", memory, windowsOpen),
  },
  ...[
    ["warm `deno task start` to the first candle", "warm"],
    ["warm `deno task start`, on data of before", "warm, data of before"],
  ].map(([what, subject]) =>
    alone(
      {
        benchmark: "start",
        what: what!,
        against: null,
        unit: "s",
        bound: "at most",
        reach: 15,
        beyond: 8,
      },
      wallSeconds,
      subject!,
    )
  ),
  alone(
    {
      benchmark: "start",
      what: "cold `deno task start` to the first candle",
      against: null,
      unit: "s",
      bound: "at most",
    },
    wallSeconds,
    "cold",
  ),
];

/**
 * What the limit is now, by benchmark: written by hand where a figure falls short, without a number
 * that was measured.
 */
export const LIMITS: { readonly [benchmark: string]: string } = {
  producer:
    "one thread of JavaScript reads each tick from its file, judges it, counts it for the ledger and " +
    "writes it as JSON, and collects the garbage of all that; kafka-producer-perf-test sends bytes " +
    "that it has made before. Little of it is kafkajs' own any more.",
};

/** A figure as the report shows it. */
export interface JudgedTarget {
  target: Target;
  value: JudgedValue;
  verdict: Verdict;
}

/** Judges figures by what was measured. */
export function judgeAll(
  measurements: ReadonlyMap<string, Measurement>,
  targets: readonly Target[] = TARGETS,
): JudgedTarget[] {
  return targets.map((target) => {
    const measurement = measurements.get(target.benchmark);
    const value: JudgedValue = measurement === undefined
      ? { state: "not measured", why: `${target.benchmark} was not run` }
      : target.value(measurement);
    return { target, value, verdict: verdictOf(target, value) };
  });
}

/** How a value stands to its target. */
export function verdictOf({ bound, reach, beyond }: Target, value: JudgedValue): Verdict {
  if (value.state !== "measured") return value.state;
  const keeps = (limit: number): boolean =>
    bound === "at least" ? value.judged.median >= limit : value.judged.median <= limit;
  if (reach === undefined && beyond === undefined) return "reported";
  if (reach !== undefined && !keeps(reach)) return "missed";
  if (beyond !== undefined && keeps(beyond)) return "beyond";
  return reach === undefined ? "not beyond" : "reached";
}
