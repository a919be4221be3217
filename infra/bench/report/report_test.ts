import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { parseMeasurement } from "../raw_data.ts";
import { readmeBlock } from "./readme_table.ts";
import { drawReport, plotPath, REPORT_DIR } from "./report.ts";
import { byBenchmark, madeUpMeasurement, madeUpRun } from "./test_measurement.ts";
import type { Measurement, Run } from "../benchmark.ts";

function reportOf(...measurements: Measurement[]): string {
  return drawReport(byBenchmark(...measurements)).get(`${REPORT_DIR}/README.md`)!;
}

function blockOf(...measurements: Measurement[]): string {
  const all = byBenchmark(...measurements);
  return readmeBlock(all, drawReport(all));
}

/** The sink beside psql, in so many rounds. */
function sink(ours: number, rounds = 3): Measurement {
  const runs = Array.from({ length: rounds }, (_, round) => [
    madeUpRun("tapeline", round, ours),
    madeUpRun("psql \\copy", round, 100_000),
  ]);
  return madeUpMeasurement("sink", runs.flat());
}

Deno.test("without raw data the report says of each benchmark that it is not measured", () => {
  const files = drawReport(new Map());
  deepStrictEqual([...files.keys()], [`${REPORT_DIR}/README.md`]);
  const report = files.get(`${REPORT_DIR}/README.md`)!;
  match(report, /Nothing is measured yet\./);
  match(report, /Not measured yet: `deno task bench sink`/);
  ok(!/\*\*(Missed|Does not count)/.test(report));
  match(blockOf(), /is not measured yet/);
});

Deno.test("one benchmark that is measured leaves the others not measured", () => {
  const report = reportOf(sink(90_000));
  ok(!report.includes("Not measured yet: `deno task bench sink`"));
  match(report, /Not measured yet: `deno task bench start`/);
  match(
    report,
    /\| sink, rows and offsets, once it stores \| psql \\copy \| × its rate \| 0\.90 \|.*\| reached \|/,
  );
  match(report, /!\[Sink into Postgres\]\(plots\/sink\.svg\)/);
  match(report, /Raw data: \[data\/sink\.json\]\(data\/sink\.json\), of 2026-01-02/);
  match(report, /Machine: Abacus, 2 cores, 23 GiB of memory\./);
  match(blockOf(sink(90_000)), /Not measured yet, wholly or in part: producer, aggregator,/);
});

Deno.test("what is missed is said plainly, in the report and in README", () => {
  const report = reportOf(sink(70_000));
  match(report, /\*\*Missed:\*\* sink, .*: 0\.70 × its rate, at least 0\.85 to reach\./);
  match(report, /\| \*\*missed\*\* \|/);
  match(blockOf(sink(70_000)), /\| 0\.70 × its rate \| ≥ 0\.85 \| \*\*missed\*\* \|/);
  ok(!reportOf(sink(90_000)).includes("**Missed"));
});

Deno.test("where candles differ there is no figure, in the report and in README", () => {
  const warm = { figures: { warm_ticks_per_s: 5, warm_cpu_seconds_per_million: 1 } };
  const measurement = madeUpMeasurement("aggregator", [
    madeUpRun("tapeline", 0, 1, { ...warm, compared: { candles: 1_000, differing: 0 } }),
    madeUpRun("Kafka Streams", 0, 1, { ...warm, compared: { candles: 1_000, differing: 2 } }),
  ]);
  const report = reportOf(measurement);
  match(
    report,
    /\*\*Does not count:\*\* .*: 2 of 1000 candles of Kafka Streams in round 1 differ\./,
  );
  match(report, /\| Kafka Streams \| × its rate \| – \|.*\| \*\*does not count\*\* \|/);
  match(report, /\*\*2 of 1,000 candles differ\*\*/);
  match(blockOf(measurement), /\| Kafka Streams \| \*\*does not count\*\* \|/);
  match(drawReport(byBenchmark(measurement)).get(plotPath("aggregator"))!, /results differ/);
});

Deno.test("fewer rounds than make a median are said, and changes that no commit holds", () => {
  match(reportOf(sink(90_000, 1)), /\*\*Too few runs:\*\* sink, .* is of 1 of 3 rounds\./);
  ok(!reportOf(sink(90_000)).includes("Too few runs"));
  match(reportOf({ ...sink(90_000), commit: "abc1234+" }), /abc1234 with changes not committed/);
});

Deno.test("a table has medians with least and most, every process and the settings", () => {
  const run = (round: number, seconds: number): Run =>
    madeUpRun("warm", round, 1, {
      work: 1,
      wall_seconds: seconds,
      cpu_seconds: { start: seconds / 10, kafka: 1 },
      figures: { first_tick_seconds: 4, memory_bytes_max: 512 * 2 ** 20 },
    });
  const settings = { warm: ["files are cached"] };
  const report = reportOf(
    madeUpMeasurement("start", [run(0, 20), run(1, 30), run(2, 10)], { settings }),
  );
  match(report, /\| \*\*warm\*\* \| 3 \| 1 \| .* \| 20 \(10 – 30\) \|/);
  match(report, /start 2 \(1 – 3\)<br>kafka 1<br>in all 3 \(2 – 4\)/);
  match(
    report,
    /\| subject \| first tick seconds \| memory MiB max \|\n.*\n\| warm \| 4 \| 512 \|/,
  );
  match(report, /- warm\n {2}- files are cached/);
});

Deno.test("machines and versions that are not the same are told apart", () => {
  const other = madeUpMeasurement("start", [madeUpRun("warm", 0, 1)], {
    machine: { processor: "Difference Engine" },
    versions: { Deno: "2.9.7" },
  });
  const report = reportOf(sink(90_000), other);
  match(report, /\| start \| .* \| Difference Engine \|/);
  match(report, /Deno 2\.9\.6 \(sink\), Deno 2\.9\.7 \(start\)/);
});

Deno.test("README shows the aggregator's plot where there is one, else the first", () => {
  const producer = madeUpMeasurement("producer", [
    madeUpRun("tapeline", 0, 1),
    madeUpRun("bare kafkajs loop", 0, 1),
  ]);
  const warm = { figures: { warm_ticks_per_s: 5 } };
  const aggregator = madeUpMeasurement("aggregator", [madeUpRun("tapeline", 0, 1, warm)]);
  match(
    blockOf(sink(90_000), producer),
    /!\[Producer into Kafka\]\(docs\/benchmarks\/plots\/producer\.svg\)/,
  );
  match(blockOf(producer, aggregator), /\(docs\/benchmarks\/plots\/aggregator\.svg\)/);
});

Deno.test("raw data that the report has no page for is not passed over", () => {
  throws(() => reportOf(madeUpMeasurement("juggling", [])), /raw data of juggling/);
});

Deno.test("raw data is a measurement of the benchmark that its file is named for", () => {
  const measurement = sink(90_000);
  const text = JSON.stringify(measurement);
  deepStrictEqual(parseMeasurement("sink.json", text), measurement);
  throws(() => parseMeasurement("start.json", text), /start\.json is no measurement/);
  throws(() => parseMeasurement("sink.json", "{"), /sink\.json is no JSON/);
  throws(() => parseMeasurement("sink.json", "null"), /sink\.json is no measurement/);
});

Deno.test("the report is the same in whatever order the raw data is read", () => {
  const start = madeUpMeasurement("start", [madeUpRun("warm", 0, 1)], { versions: { Java: "17" } });
  strictEqual(reportOf(sink(1), start), reportOf(start, sink(1)));
  strictEqual(blockOf(sink(1), start), blockOf(start, sink(1)));
});
