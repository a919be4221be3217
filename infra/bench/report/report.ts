/** The report of all benchmarks, drawn from their raw data: docs/benchmarks. Pure. */
import type { Measurement } from "../benchmark.ts";
import { cell, markdownTable } from "./number_text.ts";
import { type Page, PAGES } from "./pages.ts";
import { drawPlot } from "./plot.ts";
import { reportSection } from "./report_section.ts";
import { figureText, limitText, roundsText, shortfalls } from "./target_text.ts";
import { judgeAll, type JudgedTarget } from "./targets.ts";

/** The directory of the report, from the root. */
export const REPORT_DIR = "docs/benchmarks";

const INTRODUCTION = `# Benchmarks

Drawn by \`deno task bench\` from the raw data in [data/](data/); nothing here is typed by hand.
Subjects run in turns, each once a round, so that a machine that slows down slows all of them. A
figure against a peer is the median over the rounds of our run by the peer's of the same round; the
medians of both sides held against each other are shown beside it, and are what a plot's dashed line
is of. Tables show medians, with the least and the most in brackets. Figures are never rounded in our
favour. Rates of one machine say little of another: the ratios are what counts, and \`deno task bench\`
measures them where you are.`;

/**
 * Draws the report and its plots.
 *
 * @param measurements All that was measured, by benchmark.
 * @returns Each file's text by its path from the root.
 * @throws Error where something was measured that the report has no page for.
 */
export function drawReport(measurements: ReadonlyMap<string, Measurement>): Map<string, string> {
  for (const benchmark of measurements.keys()) {
    if (!PAGES.some((page) => page.benchmark === benchmark)) {
      throw new Error(
        `There is raw data of ${benchmark}, which the report does not know: ` +
          "give it a row in infra/bench/report/pages.ts",
      );
    }
  }
  const files = new Map<string, string>();
  const sections = PAGES.map((page) => {
    const measurement = measurements.get(page.benchmark);
    const drawn = measurement === undefined ? null : drawPlot(page, measurement);
    if (drawn !== null) files.set(plotPath(page.benchmark), drawn);
    const plot = drawn === null ? null : plotPath(page.benchmark).slice(REPORT_DIR.length + 1);
    return reportSection(page, measurement, plot);
  });
  const judged = judgeAll(measurements);
  const report = [
    INTRODUCTION,
    ...whereMeasured(measurements),
    "## What was to be reached",
    summaryTable(judged),
    ...shortfallList(judged),
    ...sections,
  ].join("\n\n");
  return files.set(`${REPORT_DIR}/README.md`, `${report}\n`);
}

/** Where a benchmark's plot is, from the root. */
export function plotPath(benchmark: string): string {
  return `${REPORT_DIR}/plots/${benchmark}.svg`;
}

/** All figures with what they were to reach. */
export function summaryTable(judged: readonly JudgedTarget[]): string {
  return markdownTable(
    ["what", "against", "in", "figure", "over", "to reach", "beyond", "verdict"],
    judged.map((each) => {
      const { target, verdict } = each;
      return [
        target.what,
        target.against ?? "",
        target.unit,
        figureText(each),
        roundsText(each),
        limitText(target, target.reach),
        limitText(target, target.beyond),
        verdict === "missed" || verdict === "does not count" ? `**${verdict}**` : verdict,
      ];
    }),
  );
}

function shortfallList(judged: readonly JudgedTarget[]): string[] {
  const sentences = shortfalls(judged);
  return sentences.length === 0 ? [] : [sentences.map((each) => `- ${each}`).join("\n")];
}

/** When, of which commit, on what machine and with which versions. */
function whereMeasured(measurements: ReadonlyMap<string, Measurement>): string[] {
  const measured = PAGES.flatMap(({ benchmark }: Page) => measurements.get(benchmark) ?? []);
  if (measured.length === 0) return ["Nothing is measured yet."];
  const machines = new Set(measured.map(machineText));
  const rows = measured.map((measurement) => {
    const { benchmark, started_at, ended_at, commit } = measurement;
    return [
      benchmark,
      `${started_at.slice(0, 16).replace("T", " ")} – ${ended_at.slice(0, 16).replace("T", " ")}`,
      commit.endsWith("+") ? `${commit.slice(0, -1)} with changes not committed` : commit,
      ...(machines.size === 1 ? [] : [machineText(measurement)]),
    ];
  });
  const head = ["benchmark", "measured (UTC)", "commit"];
  return [
    ...(machines.size === 1 ? [`Machine: ${[...machines][0]}.`] : []),
    `Versions: ${versionsText(measured)}.`,
    markdownTable(machines.size === 1 ? head : [...head, "machine"], rows),
  ];
}

function machineText({ machine }: Measurement): string {
  return Object.entries(machine).map(([fact, value]) =>
    fact === "cores" ? `${value} cores` : fact === "memory" ? `${value} of memory` : value
  ).join(", ");
}

/** Every program's version, with the benchmarks of it where they do not agree. */
function versionsText(measured: readonly Measurement[]): string {
  const programs = new Map<string, Map<string, string[]>>();
  for (const { benchmark, versions } of measured) {
    for (const [program, version] of Object.entries(versions)) {
      const found = programs.get(program) ?? new Map<string, string[]>();
      found.set(version, [...found.get(version) ?? [], benchmark]);
      programs.set(program, found);
    }
  }
  return [...programs].map(([program, versions]) =>
    versions.size === 1 ? `${program} ${[...versions.keys()][0]}` : [...versions]
      .map(([version, benchmarks]) => `${program} ${version} (${benchmarks.join(", ")})`).join(", ")
  ).map(cell).join("; ");
}
