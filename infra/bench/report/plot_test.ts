import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Measurement } from "../benchmark.ts";
import { PAGES } from "./pages.ts";
import { drawPlot } from "./plot.ts";
import { axisSteps, axisText } from "./svg.ts";
import { madeUpMeasurement, madeUpRun } from "./test_measurement.ts";

function plotOf(measurement: Measurement): string | null {
  return drawPlot(PAGES.find((page) => page.benchmark === measurement.benchmark)!, measurement);
}

/** Attributes of all elements of a kind, each as numbers. */
function shapes(svg: string, kind: RegExp, ...attributes: string[]): number[][] {
  return (svg.match(new RegExp(`<[^>]*class="${kind.source}"[^>]*>`, "g")) ?? []).map((shape) =>
    attributes.map((attribute) => Number(new RegExp(` ${attribute}="([^"]*)"`).exec(shape)![1]))
  );
}

const sink = madeUpMeasurement("sink", [
  madeUpRun("tapeline", 0, 50_000),
  madeUpRun("tapeline", 1, 40_000),
  madeUpRun("tapeline", 2, 60_000),
  madeUpRun("psql \\copy", 0, 100_000),
]);

Deno.test("a plot names its title, its subjects, their values, its unit and what is to be reached", () => {
  const svg = plotOf(sink)!;
  for (
    const label of [
      ">Sink into Postgres</text>",
      ">tapeline</text>",
      ">psql \\copy</text>",
      ">50,000</text>",
      ">100,000</text>",
      ">to reach: ≥ 0.85 × psql \\copy</text>",
    ]
  ) ok(svg.includes(label), `${label} is not in the plot`);
  match(svg, />rows\/s, longer is better; median of 1 to 3 runs, whiskers from least to most</);
});

Deno.test("a bar is as long as its median, ours is brought out, the goal is where it belongs", () => {
  const svg = plotOf(sink)!;
  const [[, own] = []] = shapes(svg, /bar own/, "x", "width");
  const [[left, other] = []] = shapes(svg, /bar/, "x", "width");
  const [[goal] = []] = shapes(svg, /goal/, "x1");
  ok(Math.abs(own! / other! - 0.5) < 0.01, `${own} of ${other}`);
  ok(Math.abs((goal! - left!) / other! - 0.85) < 0.01, `goal at ${goal}`);
  // Whiskers from 40,000 to 60,000, as long as a fifth of 100,000.
  const [, from, to] = /d="M([\d.]+) [^"]*H([\d.]+)/.exec(svg)!.map(Number);
  ok(Math.abs((to! - from!) / other! - 0.2) < 0.01, `whisker from ${from} to ${to}`);
});

Deno.test("the pipeline's plot has a bar a process, their sum and the bare parts", () => {
  const svg = plotOf(madeUpMeasurement("pipeline", [
    madeUpRun("tapeline", 0, 1, { cpu_seconds: { producer: 10, sink: 15 } }),
    madeUpRun("bare parts", 0, 1, { cpu_seconds: { loop: 17 } }),
  ]))!;
  for (const label of ["producer", "sink", "all processes", "the bare parts", "25", "17"]) {
    ok(svg.includes(`>${label}</text>`), `${label} is not in the plot`);
  }
  match(svg, />µs per tick, shorter is better; of one run</);
});

Deno.test("growth is a line over each size, with the band that it is to stay in", () => {
  const at = (subject: string, cost: number) =>
    madeUpRun(subject, 0, 1, { figures: { cpu_microseconds_per_tick: cost } });
  const svg = plotOf(madeUpMeasurement("growth", [
    at("10 partitions", 12),
    at("1 partition", 10),
    at("100 partitions", 11),
    at("5 symbols", 3),
    at("500 symbols", 4),
  ]))!;
  match(svg, />CPU per tick over partitions, µs</);
  match(svg, />CPU per tick over symbols, µs</);
  strictEqual(svg.split("to reach: within 20 % of the lowest").length, 2);
  const dots = shapes(svg, /dot/, "cx", "cy");
  const [one, ten, hundred] = dots as [number, number][];
  // From the smallest on, equal factors equally far apart, the dearest on top.
  ok(Math.abs(ten![0] - one![0] - (hundred![0] - ten![0])) < 0.2, `${one} ${ten} ${hundred}`);
  ok(ten![1] < hundred![1] && hundred![1] < one![1]);
});

Deno.test("where no run tells what a plot is of there is none", () => {
  strictEqual(plotOf(madeUpMeasurement("aggregator", [madeUpRun("tapeline", 0, 1)])), null);
  strictEqual(plotOf(madeUpMeasurement("growth", [madeUpRun("1 partition", 0, 1)])), null);
  strictEqual(plotOf(madeUpMeasurement("pipeline", [])), null);
});

Deno.test("names cannot break a drawing", () => {
  const svg = plotOf(madeUpMeasurement("sink", [madeUpRun('a <b> & "c"', 0, 1)]))!;
  ok(svg.includes("a &lt;b&gt; &amp; &quot;c&quot;"));
  ok(!svg.includes("<b>"));
});

Deno.test("an axis has few round steps, and short numbers", () => {
  deepStrictEqual(axisSteps(348_507), [0, 100_000, 200_000, 300_000, 400_000]);
  deepStrictEqual(axisSteps(0.55), [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
  deepStrictEqual(axisSteps(12), [0, 2, 4, 6, 8, 10, 12]);
  deepStrictEqual(axisSteps(0), [0, 1]);
  deepStrictEqual([5_000, 50_000, 20_000_000, 0.2].map(axisText), ["5,000", "50k", "20M", "0.2"]);
});
