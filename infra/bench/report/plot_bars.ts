/** Bars with whiskers, one panel below the other. Pure. */
import type { Spread } from "./judged_value.ts";
import { numberText } from "./number_text.ts";
import { axisSteps, axisText, drawing, element, line, text, widthOf } from "./svg.ts";

/** One bar: its median, with least and most as whiskers. */
export interface Bar extends Spread {
  label: string;
  /** Ours, which is brought out. */
  own: boolean;
  /** Said in place of a value that does not count. */
  note?: string;
}

/** A line across the bars: what is to be reached. */
export interface Goal {
  label: string;
  at: number;
}

/** Bars of one unit. */
export interface BarPanel {
  title: string;
  /** The unit, and which way is better. */
  subtitle: string;
  bars: readonly Bar[];
  goals: readonly Goal[];
}

const WIDTH = 820;
const MARGIN = 20;
const TOP = 52;
const HEAD_HEIGHT = 44;
const GOAL_HEIGHT = 17;
const BAR_HEIGHT = 24;
const BAR_STEP = 36;
const AXIS_HEIGHT = 40;
/** Room for the value behind the longest bar. */
const VALUE_WIDTH = 150;

/** Draws a plot of bars. */
export function drawBars(title: string, panels: readonly BarPanel[]): string {
  const labels = panels.flatMap(({ bars }) => bars.map(({ label }) => widthOf(label)));
  const left = MARGIN + Math.max(...labels) + 10;
  let y = TOP;
  const parts = panels.flatMap((panel) => {
    const drawn = drawPanel(panel, left, y);
    y += panelHeight(panel);
    return drawn;
  });
  return drawing(WIDTH, y, title, parts);
}

function panelHeight({ bars, goals }: BarPanel): number {
  return HEAD_HEIGHT + goals.length * GOAL_HEIGHT + bars.length * BAR_STEP + AXIS_HEIGHT;
}

function drawPanel(
  { title, subtitle, bars, goals }: BarPanel,
  left: number,
  top: number,
): string[] {
  const right = WIDTH - MARGIN - VALUE_WIDTH;
  const steps = axisSteps(Math.max(...bars.map(({ most }) => most), ...goals.map(({ at }) => at)));
  const end = steps.at(-1)!;
  const x = (value: number): number => left + value / end * (right - left);
  const first = top + HEAD_HEIGHT + goals.length * GOAL_HEIGHT;
  const bottom = first + bars.length * BAR_STEP;
  return [
    text(title, MARGIN, top + 14, { class: "panel" }),
    text(subtitle, MARGIN, top + 30, { class: "small" }),
    ...steps.flatMap((value) => [
      line(x(value), first, x(value), bottom, value === 0 ? "axis" : "grid"),
      text(axisText(value), x(value), bottom + 15, { class: "small", "text-anchor": "middle" }),
    ]),
    ...bars.flatMap((bar, index) => drawBar(bar, left, first + index * BAR_STEP, x)),
    ...goals.flatMap((goal, index) => {
      const y = top + HEAD_HEIGHT + (index + 1) * GOAL_HEIGHT - 5;
      // The label stands on the side of its line where there is more room.
      const before = x(goal.at) - left > (right - left) / 2;
      const anchor = before ? "end" : "start";
      const label_x = x(goal.at) + (before ? -5 : 5);
      return [
        line(x(goal.at), y - 9, x(goal.at), bottom, "goal"),
        text(goal.label, label_x, y, { class: "goal-text", "text-anchor": anchor }),
      ];
    }),
    // Over the lines, which a value must not be struck out by.
    ...bars.map((bar, index) => drawValue(bar, first + index * BAR_STEP, x)),
  ];
}

function drawBar(bar: Bar, left: number, top: number, x: (value: number) => number): string[] {
  const { label, own, median, least, most } = bar;
  const y = top + (BAR_STEP - BAR_HEIGHT) / 2;
  const middle = y + BAR_HEIGHT / 2;
  const kind = own ? " own" : "";
  return [
    text(label, left - 8, middle + 4, { class: `label${kind}`, "text-anchor": "end" }),
    element("rect", {
      x: left,
      y,
      width: Math.max(1, x(median) - left),
      height: BAR_HEIGHT,
      class: `bar${kind}`,
    }),
    element("path", {
      d: [
        `M${fixed(x(least))} ${fixed(middle - 5)}v10`,
        `m0 -5H${fixed(x(most))}`,
        "m0 -5v10",
      ].join(""),
      class: "whisker",
    }),
  ];
}

function drawValue(
  { own, note, median, most }: Bar,
  top: number,
  x: (value: number) => number,
): string {
  const value = note === undefined ? numberText(median) : `${numberText(median)}, ${note}`;
  const kind = own ? " own" : "";
  return text(value, x(most) + 8, top + BAR_STEP / 2 + 4, { class: `value${kind}` });
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}
