/** The plot of a benchmark, drawn from its runs. Pure. */
import type { Measurement } from "../benchmark.ts";
import { growthLine, growthPoints } from "./growth_points.ts";
import {
  cpuMicroseconds,
  type Metric,
  metricOf,
  runsOf,
  spreadOf,
  wrongCandles,
} from "./judged_value.ts";
import { numberText } from "./number_text.ts";
import type { Page, Panel } from "./pages.ts";
import { type Bar, type BarPanel, drawBars, type Goal } from "./plot_bars.ts";
import { drawLines, type LinePanel } from "./plot_lines.ts";
import { BARE_PARTS, type Target, TARGETS } from "./targets.ts";

/** One process's CPU time for each unit of work. */
function processCpu(process: string): Metric {
  return ({ cpu_seconds, work }) => {
    const value = (cpu_seconds[process] ?? Number.NaN) / work * 1e6;
    return Number.isFinite(value) ? value : null;
  };
}

/**
 * Draws what was measured.
 *
 * @param page What the plot shows.
 * @param measurement The runs.
 * @returns An SVG; null where no run tells what the plot is of.
 */
export function drawPlot(page: Page, measurement: Measurement): string | null {
  const { plot, title } = page;
  if (plot.kind === "growth") {
    const panels = growthPanels(measurement, page.benchmark, plot.metrics);
    return panels.length === 0 ? null : drawLines(title, panels);
  }
  const panels = plot.kind === "processes"
    ? [processPanel(measurement, page)]
    : plot.panels.map((panel) => barPanel(measurement, page, panel));
  const filled = panels.filter(({ bars }) => bars.length > 0);
  return filled.length === 0 ? null : drawBars(title, filled);
}

/** All subjects of a measurement, in the order in which they first ran. */
export function subjectsOf({ runs }: Measurement): string[] {
  return [...new Set(runs.map(({ subject }) => subject))];
}

function barPanel(measurement: Measurement, page: Page, panel: Panel): BarPanel {
  const bars = subjectsOf(measurement).flatMap((subject): Bar[] => {
    const spread = metricOf(measurement, subject, panel.metric);
    if (spread === null) return [];
    const wrong = wrongCandles(measurement, [subject], false);
    const note = wrong === null ? {} : { note: "results differ" };
    return [{ label: subject, own: page.ours.includes(subject), ...spread, ...note }];
  });
  const goals = TARGETS.filter(({ benchmark, drawn }) =>
    benchmark === page.benchmark && drawn?.metric === panel.metric
  ).flatMap((target) => goalOf(measurement, target) ?? []);
  return { title: panel.title, subtitle: subtitle(measurement, panel), bars, goals };
}

function subtitle(
  measurement: Measurement,
  { unit, better }: Omit<Panel, "metric" | "title">,
): string {
  const runs_of = subjectsOf(measurement).map((subject) => runsOf(measurement, subject).length);
  const [fewest, most] = [Math.min(...runs_of), Math.max(...runs_of)];
  const count = fewest === most ? String(most) : `${fewest} to ${most}`;
  const runs = most === 1 ? "of one run" : `median of ${count} runs, whiskers from least to most`;
  return `${unit}, ${better} is better; ${runs}`;
}

/** Where the line of a target is; null where it has none or its peer was not measured. */
function goalOf(
  measurement: Measurement,
  { drawn, reach, beyond, bound, unit }: Target,
): Goal | null {
  const limit = reach ?? beyond;
  if (limit === undefined || drawn === undefined) return null;
  const word = reach === undefined ? "beyond" : "to reach";
  const way = bound === "at least" ? "≥" : "≤";
  if (drawn.peer === null) {
    return { at: limit, label: `${word}: ${drawn.ours} ${way} ${numberText(limit)} ${unit}` };
  }
  const peer = metricOf(measurement, drawn.peer, drawn.metric);
  if (peer === null) return null;
  return { at: limit * peer.median, label: `${word}: ${way} ${limit} × ${drawn.peer}` };
}

function processPanel(measurement: Measurement, page: Page): BarPanel {
  const [ours] = page.ours as [string];
  const runs = runsOf(measurement, ours);
  const processes = [...new Set(runs.flatMap(({ cpu_seconds }) => Object.keys(cpu_seconds)))];
  const bars = processes.flatMap((process): Bar[] => {
    const spread = metricOf(measurement, ours, processCpu(process));
    return spread === null ? [] : [{ label: process, own: false, ...spread }];
  });
  const whole = runs.map(({ cpu_seconds, work }) =>
    Object.values(cpu_seconds).reduce((sum, seconds) => sum + seconds, 0) / work * 1e6
  );
  if (whole.length > 0) bars.push({ label: "all processes", own: true, ...spreadOf(whole) });
  const parts = metricOf(measurement, BARE_PARTS, cpuMicroseconds);
  if (parts !== null) bars.push({ label: "the bare parts", own: false, ...parts });
  const limit = TARGETS.find(({ benchmark, beyond }) =>
    benchmark === page.benchmark && beyond !== undefined
  )?.beyond;
  const goals = parts === null || limit === undefined
    ? []
    : [{ at: parts.median * limit, label: `beyond: ≤ ${limit} × the bare parts` }];
  const unit = { unit: `µs per ${page.unit}`, better: "shorter" } as const;
  return { title: "CPU time by process", subtitle: subtitle(measurement, unit), bars, goals };
}

function growthPanels(
  measurement: Measurement,
  benchmark: string,
  metrics: readonly Omit<Panel, "better">[],
): LinePanel[] {
  return [...growthPoints(measurement).keys()].flatMap((dimension) =>
    metrics.flatMap(({ title, unit, metric }): LinePanel[] => {
      const points = growthLine(measurement, dimension, metric);
      if (points.length < 2) return [];
      const target = TARGETS.find((target) =>
        target.benchmark === benchmark && target.flat?.dimension === dimension &&
        target.flat.metric === metric
      );
      const within_percent = target?.reach ?? null;
      return [{
        title: `${title} over ${dimension}, ${unit}`,
        over: dimension,
        points,
        within_percent,
      }];
    })
  );
}
