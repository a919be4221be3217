/** Parts of a drawing that all plots share. Pure. */

/** Text sizes, in pixels. */
export const FONT_SIZE = 13;
const TITLE_SIZE = 17;
const SMALL_SIZE = 11.5;
/** Mean width of a letter of Helvetica for each pixel of its size, on the generous side. */
const LETTER_WIDTH = 0.56;

// A plot has its own background, so that it is as legible on a dark page as on a light one.
const STYLE = `
  text { font: ${FONT_SIZE}px Helvetica, Arial, sans-serif; fill: #0f172a; }
  .title { font-size: ${TITLE_SIZE}px; font-weight: bold; }
  .panel { font-weight: bold; }
  .small { font-size: ${SMALL_SIZE}px; fill: #475569; }
  .value { font-variant-numeric: tabular-nums; }
  .own { font-weight: bold; }
  .value, .goal-text { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
  .background { fill: #ffffff; stroke: #cbd5e1; }
  .grid { stroke: #e2e8f0; }
  .axis { stroke: #94a3b8; }
  .bar { fill: #b6c2d1; }
  .bar.own { fill: #3b9fd8; }
  .whisker { stroke: #0f172a; stroke-width: 1.4; fill: none; }
  .goal { stroke: #b45309; stroke-width: 1.6; stroke-dasharray: 5 3; }
  .goal-text { font-size: ${SMALL_SIZE}px; fill: #92400e; }
  .band { fill: #fef3c7; }
  .line { stroke: #0369a1; stroke-width: 2; fill: none; }
  .dot { fill: #0369a1; }
`;

/** Attributes of an element. */
export type Attributes = { [name: string]: string | number };

/** An element; numbers are cut to a tenth, so that the same data draw the same text. */
export function element(name: string, attributes: Attributes, ...inner: string[]): string {
  const written = Object.entries(attributes).map(([attribute, value]) =>
    ` ${attribute}="${typeof value === "number" ? round(value) : escapeText(value)}"`
  ).join("");
  return inner.length === 0
    ? `<${name}${written}/>`
    : `<${name}${written}>${inner.join("")}</${name}>`;
}

/** A line of text. */
export function text(content: string, x: number, y: number, attributes: Attributes = {}): string {
  return element("text", { x, y, ...attributes }, escapeText(content));
}

/** A straight line. */
export function line(x1: number, y1: number, x2: number, y2: number, kind: string): string {
  return element("line", { x1, y1, x2, y2, class: kind });
}

/** A whole drawing with its title and background. */
export function drawing(width: number, height: number, title: string, parts: string[]): string {
  const background = { x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 8 };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
    `height="${height}" role="img">`,
    element("title", {}, escapeText(title)),
    `<style>${STYLE}</style>`,
    element("rect", { ...background, class: "background" }),
    text(title, 20, 32, { class: "title" }),
    ...parts,
    "</svg>\n",
  ].join("\n");
}

/** About how wide a text is. */
export function widthOf(content: string, size = FONT_SIZE): number {
  return content.length * size * LETTER_WIDTH;
}

/** Round values from 0 to at least the largest, four to seven of them. */
export function axisSteps(largest: number): number[] {
  if (!(largest > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(largest));
  const step = [0.2, 0.5, 1, 2].map((part) => part * power)
    .find((step) => largest / step <= 6)!;
  const steps = Math.ceil(largest / step - 1e-9);
  // A product is cut to what was meant: 3 × 0.1 is 0.30000000000000004.
  return Array.from({ length: steps + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** An axis' number: short, `250k`. */
export function axisText(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(6))}M`;
  if (value >= 1e4) return `${Number((value / 1e3).toPrecision(6))}k`;
  return value.toLocaleString("en-US", { maximumFractionDigits: 6 });
}

function escapeText(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
