/** Lines over what grows, side by side. Pure. */
import type { Spread } from "./judged_value.ts";
import { numberText } from "./number_text.ts";
import { axisSteps, axisText, drawing, element, line, text } from "./svg.ts";

/** A point of a line. */
export interface LinePoint extends Spread {
  at: number;
}

/** One line of one unit. */
export interface LinePanel {
  title: string;
  /** What the line is over: `partitions`. */
  over: string;
  points: readonly LinePoint[];
  /** Up to how many percent above the lowest point it is to stay, where that is asked. */
  within_percent: number | null;
}

const COLUMNS = 2;
const PANEL_WIDTH = 400;
const PANEL_HEIGHT = 250;
const TOP = 48;
const MARGIN = 20;
const LEFT = 62;
const RIGHT = 34;
/** Between the axis and the first point, so that its label has room. */
const INSET = 24;
const HEAD = 40;
const FOOT = 44;

/** Draws a plot of lines. */
export function drawLines(title: string, panels: readonly LinePanel[]): string {
  const rows = Math.ceil(panels.length / COLUMNS);
  const width = MARGIN + Math.min(COLUMNS, panels.length) * PANEL_WIDTH;
  const parts = panels.flatMap((panel, index) =>
    drawPanel(
      panel,
      MARGIN / 2 + index % COLUMNS * PANEL_WIDTH,
      TOP + Math.floor(index / COLUMNS) * PANEL_HEIGHT,
    )
  );
  return drawing(width, TOP + rows * PANEL_HEIGHT, title, parts);
}

function drawPanel(
  { title, over, points, within_percent }: LinePanel,
  panel_left: number,
  panel_top: number,
): string[] {
  const [left, right] = [panel_left + LEFT, panel_left + PANEL_WIDTH - RIGHT];
  const [top, bottom] = [panel_top + HEAD, panel_top + PANEL_HEIGHT - FOOT];
  const lowest = Math.min(...points.map(({ median }) => median));
  const limit = within_percent === null ? null : lowest * (1 + within_percent / 100);
  const steps = axisSteps(Math.max(...points.map(({ most }) => most), limit ?? 0));
  const y = (value: number): number => bottom - value / steps.at(-1)! * (bottom - top);
  const [first, last] = [points[0]!.at, points.at(-1)!.at];
  // Sizes are some times one another, so that equal steps are equal factors.
  const x = (at: number): number =>
    left + INSET + Math.log(at / first) / Math.log(last / first) * (right - left - INSET);
  return [
    text(title, panel_left + 10, panel_top + 16, { class: "panel" }),
    ...(limit === null ? [] : [
      element("rect", {
        x: left,
        y: y(limit),
        width: right - left,
        height: y(lowest) - y(limit),
        class: "band",
      }),
    ]),
    ...steps.flatMap((value) => [
      line(left, y(value), right, y(value), value === 0 ? "axis" : "grid"),
      text(axisText(value), left - 6, y(value) + 4, { class: "small", "text-anchor": "end" }),
    ]),
    element("path", {
      d: points.map(({ at, median }, index) =>
        `${index === 0 ? "M" : "L"}${fixed(x(at))} ${fixed(y(median))}`
      ).join(""),
      class: "line",
    }),
    ...points.flatMap(({ at, median, least, most }) => [
      line(x(at), y(least), x(at), y(most), "whisker"),
      element("circle", { cx: x(at), cy: y(median), r: 4, class: "dot" }),
      text(pointText(median), x(at), y(most) - 8, { class: "value own", "text-anchor": "middle" }),
      text(axisText(at), x(at), bottom + 16, { class: "small", "text-anchor": "middle" }),
    ]),
    ...(limit === null ? [] : [
      text(`to reach: within ${within_percent} % of the lowest`, right, y(lowest) + 26, {
        class: "goal-text",
        "text-anchor": "end",
      }),
    ]),
    text(over, (left + right) / 2, bottom + 33, { class: "small", "text-anchor": "middle" }),
  ];
}

/** Points stand close together: a long number is cut to three digits. */
function pointText(value: number): string {
  return value < 10_000 ? numberText(value) : axisText(Number(value.toPrecision(3)));
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}
