import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { growthPoint } from "./growth_points.ts";
import { boundedText, numberText } from "./number_text.ts";
import { PAGES } from "./pages.ts";
import { BENCHMARKS } from "./table.ts";
import { judgeAll, type JudgedTarget, LIMITS, TARGETS } from "./targets.ts";
import { byBenchmark, madeUpMeasurement, madeUpRun } from "./test_measurement.ts";
import type { Measurement, Run } from "../benchmark.ts";

/** The only figure of a benchmark against someone in some unit. */
function judged(measurement: Measurement, against: string, unit = "× its rate"): JudgedTarget {
  const found = judgeAll(byBenchmark(measurement)).filter(({ target }) =>
    target.benchmark === measurement.benchmark && target.against === against && target.unit === unit
  );
  return found[0]!;
}

/** A subject's runs, one a round. */
function rounds(subject: string, rates: number[], more?: Partial<Run>): Run[] {
  return rates.map((rate, round) => madeUpRun(subject, round, rate, more));
}

function warm(ticks_per_s: number, cpu: number, compared?: Run["compared"]): Partial<Run> {
  const figures = { warm_ticks_per_s: ticks_per_s, warm_cpu_seconds_per_million: cpu };
  return compared === undefined ? { figures } : { figures, compared };
}

Deno.test("a figure is the median of each round's ratio, and not the ratio of medians", () => {
  // By round 0.9, 0.5 and 0.8; the medians are 100 and 100.
  const { value, verdict } = judged(
    madeUpMeasurement("sink", [
      ...rounds("psql \\copy", [100, 200, 50]),
      // Runs are matched by their round, wherever they stand.
      ...rounds("tapeline", [90, 100, 40]).reverse(),
    ]),
    "psql \\copy",
  );
  ok(value.state === "measured");
  deepStrictEqual(Object.values(value.judged).map((each) => each.toFixed(6)), [
    "0.800000",
    "0.500000",
    "0.900000",
  ]);
  strictEqual(value.of_medians!.toFixed(6), "0.900000");
  strictEqual(value.rounds, 3);
  strictEqual(verdict, "missed");
});

Deno.test("what is reached, beyond and missed depends on which way the bound is", () => {
  const same = { candles: 10, differing: 0 };
  const beside = (rate: number, cpu: number, unit: string): string =>
    judged(
      madeUpMeasurement("aggregator", [
        madeUpRun("tapeline", 0, 1, warm(rate, cpu, same)),
        madeUpRun("Kafka Streams", 0, 1, warm(100, 10, same)),
      ]),
      "Kafka Streams",
      unit,
    ).verdict;
  strictEqual(beside(119, 7, "× its rate"), "missed");
  strictEqual(beside(120, 7, "× its rate"), "reached");
  strictEqual(beside(160, 7, "× its rate"), "beyond");
  strictEqual(beside(120, 7.1, "× its CPU per tick"), "missed");
  strictEqual(beside(120, 7, "× its CPU per tick"), "reached");
  strictEqual(beside(120, 5, "× its CPU per tick"), "beyond");
});

Deno.test("a figure without something to reach is reported, or not beyond", () => {
  const runs = [...rounds("tapeline", [40]), ...rounds("kafka-producer-perf-test", [100])];
  const measurement = madeUpMeasurement("producer", runs);
  strictEqual(judged(measurement, "kafka-producer-perf-test").verdict, "not beyond");
  strictEqual(judged(measurement, "bare kafkajs loop").verdict, "not measured");
  const telemetry = madeUpMeasurement("telemetry", [
    ...rounds("off", [1]),
    ...rounds("metrics", [1]),
  ]);
  const [all, metrics] = judgeAll(byBenchmark(telemetry))
    .filter(({ target }) => target.benchmark === "telemetry");
  strictEqual(all!.verdict, "not measured");
  strictEqual(metrics!.verdict, "reported");
});

Deno.test("where candles differ, or a peer's were not compared, the figure does not count", () => {
  const same = { candles: 10, differing: 0 };
  const against = (compared: Run["compared"]): JudgedTarget["value"] =>
    judged(
      madeUpMeasurement("aggregator-python", [
        madeUpRun("tapeline", 0, 1, warm(100, 1, same)),
        madeUpRun("Quix Streams", 0, 1, warm(10, 1, compared)),
      ]),
      "Quix Streams",
    ).value;
  strictEqual(against(same).state, "measured");
  deepStrictEqual(against({ candles: 10, differing: 3 }), {
    state: "does not count",
    why: "3 of 10 candles of Quix Streams in round 1 differ",
  });
  const not_compared = {
    state: "does not count",
    why: "no candles of Quix Streams in round 1 were compared",
  } as const;
  deepStrictEqual(against(undefined), not_compared);
  deepStrictEqual(against({ candles: 0, differing: 0 }), not_compared);
});

Deno.test("runs without a partner, and figures that are no numbers, are no figure", () => {
  const alone = [...rounds("tapeline", [1]), madeUpRun("psql \\copy", 1, 1)];
  strictEqual(judged(madeUpMeasurement("sink", alone), "psql \\copy").verdict, "not measured");
  const timeless = [...rounds("tapeline", [1]), {
    ...madeUpRun("psql \\copy", 0, 1),
    wall_seconds: 0,
  }];
  strictEqual(judged(madeUpMeasurement("sink", timeless), "psql \\copy").verdict, "not measured");
});

Deno.test("the pipeline's CPU time is held against its bare parts, of the same round", () => {
  const runs = [
    madeUpRun("tapeline", 0, 1, { cpu_seconds: { producer: 10, sink: 14 } }),
    madeUpRun("bare parts", 0, 1, { cpu_seconds: { loop: 12, psql: 8 } }),
  ];
  const [whole, parts] = judgeAll(byBenchmark(madeUpMeasurement("pipeline", runs)))
    .filter(({ target }) => target.benchmark === "pipeline");
  ok(whole!.value.state === "measured" && parts!.value.state === "measured");
  strictEqual(whole!.value.judged.median, 24);
  strictEqual(parts!.value.judged.median, 1.2);
  deepStrictEqual([whole!.verdict, parts!.verdict], ["reported", "beyond"]);
});

Deno.test("one more costs what the largest point costs more than the smallest", () => {
  const at = (
    subject: string,
    cpu: number,
    candles_written: number,
    memory_bytes_max: number,
    windows_open: number,
  ): Run =>
    madeUpRun(subject, 0, 1, {
      cpu_seconds: { aggregator: cpu },
      figures: { candles_written, memory_bytes_max, windows_open },
    });
  // Points between the ends do not count, in whatever order they ran.
  const runs = [
    at("500 symbols", 99, 7, 99, 2_000),
    at("1,005 symbols", 5, 30_000, 6_000, 1_020),
    at("5 symbols", 3, 10_000, 1_000, 20),
  ];
  const costs = judgeAll(byBenchmark(madeUpMeasurement("growth", runs)))
    .filter(({ target }) => target.what.includes(" more,"))
    .map(({ value }) => value.state === "measured" && Math.round(value.judged.median));
  deepStrictEqual(costs, [100, 5]);
});

Deno.test("growth is flat where each round's dearest point is near its cheapest", () => {
  const at = (subject: string, round: number, cost: number): Run =>
    madeUpRun(subject, round, 1, { figures: { cpu_microseconds_per_tick: cost } });
  const verdict = (dearest: number): [string, number] => {
    const runs = [
      at("12 partitions", 0, dearest),
      at("1 partition", 0, 10),
      at("3 partitions", 0, 11),
    ];
    const [flat] = judgeAll(byBenchmark(madeUpMeasurement("growth", runs)))
      .filter(({ target }) => target.flat?.dimension === "partitions");
    ok(flat!.value.state === "measured");
    return [flat!.verdict, Math.round(flat!.value.judged.median)];
  };
  deepStrictEqual(verdict(11.9), ["reached", 19]);
  deepStrictEqual(verdict(12.1), ["missed", 21]);
});

Deno.test("a growth's subject says its size and what grows", () => {
  const of = (subject: string): unknown[] => {
    const { at, dimension } = growthPoint(subject)!;
    return [at, dimension];
  };
  deepStrictEqual(of("1 partition"), [1, "partitions"]);
  deepStrictEqual(of("1,000,000 rows"), [1_000_000, "rows"]);
  deepStrictEqual(of("20 M rows"), [20_000_000, "rows"]);
  deepStrictEqual(of("1 h of windows held"), [1, "h of windows held"]);
  strictEqual(growthPoint("tapeline"), null);
});

Deno.test("a figure is never rounded in our favour", () => {
  strictEqual(boundedText(0.8999, "at least"), "0.89");
  strictEqual(boundedText(0.7001, "at most"), "0.71");
  strictEqual(boundedText(0.7, "at most"), "0.70");
  // Neither is exact as a binary fraction: × 100 one is short of 29, the other more than 28.
  strictEqual(boundedText(0.29, "at least"), "0.29");
  strictEqual(boundedText(0.28, "at most"), "0.28");
  strictEqual(boundedText(12.99, "at least"), "12.9");
  deepStrictEqual([123456.7, 12.345, 1.2345, 0.01234, 3].map(numberText), [
    "123,457",
    "12.3",
    "1.23",
    "0.012",
    "3",
  ]);
});

Deno.test("every benchmark, every figure and every limit has its page", () => {
  const pages = PAGES.map(({ benchmark }) => benchmark);
  const named = [
    ...BENCHMARKS.map(({ name }) => name),
    ...TARGETS.map(({ benchmark }) => benchmark),
    ...Object.keys(LIMITS),
  ];
  deepStrictEqual(named.filter((name) => !pages.includes(name)), []);
});
