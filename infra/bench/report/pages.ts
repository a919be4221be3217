/** What the report says of each benchmark beside its figures, and what its plot shows. */
import { cpuMicroseconds, type Metric, rate, wallSeconds } from "./judged_value.ts";
import { cpuPerTick, memory, storedRate, warmCpu, warmRate } from "./targets.ts";

/** A part of a plot: one metric of all subjects. */
export interface Panel {
  title: string;
  unit: string;
  metric: Metric;
  better: "longer" | "shorter";
}

/** A benchmark's part of the report. */
export interface Page {
  benchmark: string;
  title: string;
  /** What is measured, in two sentences. */
  measures: string;
  /** One unit of work. */
  unit: string;
  /** Subjects that are us, as we are meant to run. */
  ours: readonly string[];
  /** What the plot is of. */
  plot:
    | { kind: "bars"; panels: readonly Panel[] }
    | { kind: "processes" }
    | { kind: "growth"; metrics: readonly Omit<Panel, "better">[] };
}

const RATE: Panel = { title: "Rate", unit: "ticks/s", metric: rate, better: "longer" };
const CPU: Panel = {
  title: "CPU time of all processes",
  unit: "µs per tick",
  metric: cpuMicroseconds,
  better: "shorter",
};
const WARM_RATE: Panel = { ...RATE, title: "Rate once warm", metric: warmRate };
const WARM_CPU: Panel = {
  title: "CPU time of the subject's own processes once warm",
  unit: "s per million ticks",
  metric: warmCpu,
  better: "shorter",
};

const memoryMebibytes: Metric = (run) => {
  const bytes = memory(run);
  return bytes === null ? null : bytes / 2 ** 20;
};

/** All benchmarks of the report, in its order. */
export const PAGES: readonly Page[] = [
  {
    benchmark: "producer",
    title: "Producer into Kafka",
    measures:
      "Ticks from a file through our producer into a topic, with all its checks, its ledger " +
      "and its telemetry. Beside it a bare loop of kafkajs and Kafka's own " +
      "kafka-producer-perf-test send as many records of that size to the same broker.",
    unit: "tick",
    ours: ["tapeline"],
    plot: { kind: "bars", panels: [RATE, CPU] },
  },
  {
    benchmark: "aggregator",
    title: "Aggregator beside its peers on the JVM",
    measures:
      "A full topic of ticks becomes one-minute candles, exactly once, with metrics scraped " +
      "and traces sampled on our side. Kafka Streams and PyFlink make the same candles of the same " +
      "topic on the same broker, and count only where all of their candles are the same.",
    unit: "tick",
    ours: ["tapeline"],
    plot: { kind: "bars", panels: [WARM_RATE, WARM_CPU] },
  },
  {
    benchmark: "aggregator-python",
    title: "Aggregator beside its peers in Python",
    measures:
      "The same windows by stream processors written in Python, over a full topic on one broker. " +
      "A peer counts only where all of its candles are the same as ours.",
    unit: "tick",
    ours: ["tapeline"],
    plot: { kind: "bars", panels: [WARM_RATE, WARM_CPU] },
  },
  {
    benchmark: "guarantee",
    title: "What exactly-once costs",
    measures:
      "Our aggregator over a full topic, with candles, state and offsets in transactions. " +
      "Beside it the same aggregator without transactions, which may count a tick twice after a crash.",
    unit: "tick",
    ours: ["exactly once"],
    plot: { kind: "bars", panels: [RATE, CPU] },
  },
  {
    benchmark: "telemetry",
    title: "What telemetry costs",
    measures:
      "The same ticks through our services without telemetry, with metrics that are scraped, " +
      "and with metrics and traces. What counts is each run against the one without of its round.",
    unit: "tick",
    ours: ["metrics and traces"],
    plot: { kind: "bars", panels: [RATE, CPU] },
  },
  {
    benchmark: "sink",
    title: "Sink into Postgres",
    measures: "Ticks of a full topic become rows, with the offsets in the same transaction. " +
      "Beside it `psql \\copy` puts the same rows from a file into the same table with the same indexes.",
    unit: "row",
    ours: ["tapeline"],
    plot: {
      kind: "bars",
      panels: [{ ...RATE, title: "Rate once it stores", unit: "rows/s", metric: storedRate }, {
        ...CPU,
        title: "CPU time of all processes",
        unit: "µs per row",
      }],
    },
  },
  {
    benchmark: "pipeline",
    title: "The whole pipeline",
    measures:
      "Ticks from their source to their row and candle, and the CPU time of every process " +
      "on the way. It is held against the sum of what its parts cost bare.",
    unit: "tick",
    ours: ["tapeline"],
    plot: { kind: "processes" },
  },
  {
    benchmark: "growth",
    title: "Growth of the stream",
    measures:
      "What the aggregator costs as partitions and symbols become more, and with an hour of " +
      "windows held. Over partitions the dearest point may cost 20 % more than the cheapest.",
    unit: "tick",
    ours: [],
    plot: {
      kind: "growth",
      metrics: [
        { title: "CPU per tick", unit: "µs", metric: cpuPerTick },
        { title: "Memory", unit: "MiB", metric: memoryMebibytes },
      ],
    },
  },
  {
    benchmark: "growth-rows",
    title: "Growth of the table",
    measures:
      "What storing the same ticks costs as `ticks` holds more rows before. Over the rows " +
      "the dearest point may cost 20 % more than the cheapest.",
    unit: "row",
    ours: [],
    plot: {
      kind: "growth",
      metrics: [
        { title: "CPU per stored row", unit: "µs", metric: cpuMicroseconds },
        { title: "Rate", unit: "rows/s", metric: storedRate },
      ],
    },
  },
  {
    benchmark: "start",
    title: "Start",
    measures:
      "From `deno task start` to the first candle in the database. Cold is a machine's first " +
      "start, warm is every other.",
    unit: "start",
    ours: ["warm", "warm, data of before"],
    plot: {
      kind: "bars",
      panels: [{
        title: "Time to the first candle",
        unit: "s",
        metric: wallSeconds,
        better: "shorter",
      }],
    },
  },
];
