/** One benchmark's part of the report, in Markdown. Pure. */
import type { Measurement, Run } from "../benchmark.ts";
import { sumOf } from "../figures.ts";
import { growthPoint } from "./growth_points.ts";
import {
  comparedOf,
  figure,
  type Metric,
  metricOf,
  rate,
  runsOf,
  spreadOf,
  wallSeconds,
} from "./judged_value.ts";
import { markdownTable, spreadText } from "./number_text.ts";
import type { Page } from "./pages.ts";
import { subjectsOf } from "./plot.ts";
import { LIMITS } from "./targets.ts";

/** Nobody reads ten digits: so much memory is told in these. */
const MIB = 2 ** 20;

/**
 * Writes the part of one benchmark.
 *
 * @param page What is said of it.
 * @param measurement Its runs; undefined where it was not run.
 * @param plot The path of its plot from the report; null where there is none.
 */
export function reportSection(
  page: Page,
  measurement: Measurement | undefined,
  plot: string | null,
): string {
  const head = `## ${page.title}\n\n${page.measures}`;
  if (measurement === undefined) {
    return `${head}\n\nNot measured yet: \`deno task bench ${page.benchmark}\`.`;
  }
  const limit = LIMITS[page.benchmark];
  const when = measurement.started_at.slice(0, 10);
  const raw = `[data/${page.benchmark}.json](data/${page.benchmark}.json)`;
  const subjects = orderedSubjects(measurement);
  return [
    head,
    runsTable(page, measurement, subjects),
    ...figuresTable(measurement, subjects),
    ...(limit === undefined ? [] : [`What the limit is now: ${limit}`]),
    ...(plot === null ? [] : [`![${page.title}](${plot})`]),
    ...settingsList(measurement),
    `Raw data: ${raw}, of ${when}.`,
  ].join("\n\n");
}

/** As they first ran; sizes from the smallest on, since each round begins with another. */
function orderedSubjects(measurement: Measurement): string[] {
  const subjects = subjectsOf(measurement);
  const points = new Map(subjects.map((subject) => [subject, growthPoint(subject)]));
  if ([...points.values()].includes(null)) return subjects;
  const dimensions = [...new Set([...points.values()].map((point) => point!.dimension))];
  const place = (subject: string): [number, number] => {
    const { dimension, at } = points.get(subject)!;
    return [dimensions.indexOf(dimension), at];
  };
  return subjects.sort((one, other) => {
    const [[dimension, at], [other_dimension, other_at]] = [place(one), place(other)];
    return dimension - other_dimension || at - other_at;
  });
}

function runsTable(
  { unit, ours }: Page,
  measurement: Measurement,
  subjects: readonly string[],
): string {
  const head = [
    "subject",
    "runs",
    `${unit}s`,
    `${unit}s/s`,
    "wall s",
    "CPU s",
    `CPU µs per ${unit}`,
    "compared",
  ];
  const rows = subjects.map((subject) => {
    const runs = runsOf(measurement, subject);
    const work = spreadOf(runs.map((run) => run.work));
    return [
      ours.includes(subject) ? `**${subject}**` : subject,
      String(runs.length),
      spreadText(work),
      metricText(measurement, subject, rate),
      metricText(measurement, subject, wallSeconds),
      byProcess(runs, (seconds) => seconds),
      byProcess(runs, (seconds, run) => seconds / run.work * 1e6),
      comparedText(runs),
    ];
  });
  return markdownTable(head, rows);
}

function metricText(measurement: Measurement, subject: string, metric: Metric): string {
  const spread = metricOf(measurement, subject, metric);
  return spread === null ? "" : spreadText(spread);
}

/** Every process' CPU time on a line of its own, and of several their sum. */
function byProcess(
  runs: readonly Run[],
  value: (seconds: number, run: Run) => number,
): string {
  const processes = [...new Set(runs.flatMap(({ cpu_seconds }) => Object.keys(cpu_seconds)))];
  const lines = processes.map((process) => {
    const values = runs.filter(({ cpu_seconds }) => cpu_seconds[process] !== undefined)
      .map((run) => value(run.cpu_seconds[process]!, run));
    return `${process} ${spreadText(spreadOf(values))}`;
  });
  if (processes.length > 1) {
    const whole = runs.map((run) => value(sumOf(Object.values(run.cpu_seconds)), run));
    lines.push(`in all ${spreadText(spreadOf(whole))}`);
  }
  return lines.join("<br>");
}

function comparedText(runs: readonly Run[]): string {
  const compared = runs.flatMap((run) => run.compared ?? []);
  if (compared.length === 0) return "not compared";
  const differing = Math.max(...compared.map((each) => each.differing));
  const count = Math.max(...compared.map((each) => comparedOf(each)[0]));
  const [, what] = comparedOf(compared[0]);
  const text = `${count.toLocaleString("en-US")} ${what}`;
  if (differing > 0) return `**${differing.toLocaleString("en-US")} of ${text} differ**`;
  return compared.length < runs.length
    ? `${text} the same, in ${compared.length} of ${runs.length} runs`
    : `${text} the same`;
}

/** What else the runs tell, a column each. */
function figuresTable(measurement: Measurement, subjects: readonly string[]): string[] {
  const names = [...new Set(measurement.runs.flatMap((run) => Object.keys(run.figures ?? {})))];
  if (names.length === 0) return [];
  const columns = names.map((name) => {
    const value = figure(name);
    const largest = Math.max(...measurement.runs.map((run) => value(run) ?? 0));
    return name.includes("bytes") && largest >= MIB
      ? { head: name.replace("bytes", "MiB"), value: (run: Run) => mebibytes(value(run)) }
      : { head: name, value };
  });
  const rows = subjects.map((subject) => [
    subject,
    ...columns.map(({ value }) => metricText(measurement, subject, value)),
  ]);
  return [
    markdownTable(["subject", ...columns.map(({ head }) => head.replaceAll("_", " "))], rows),
  ];
}

function mebibytes(bytes: number | null): number | null {
  return bytes === null ? null : bytes / MIB;
}

function settingsList({ settings }: Measurement): string[] {
  const subjects = Object.entries(settings).filter(([, lines]) => lines.length > 0);
  if (subjects.length === 0) return [];
  const lines = subjects.flatMap(([subject, settings]) => [
    `- ${subject}`,
    ...settings.map((setting) => `  - ${setting.replaceAll("\n", " ")}`),
  ]);
  return [["Settings:", "", ...lines].join("\n")];
}
