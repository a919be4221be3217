/** Numbers as the report shows them. Pure, and the same everywhere. */
import type { Spread } from "./judged_value.ts";

/** A number with three digits or so, and thousands parted. */
export function numberText(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString("en-US", {
    minimumFractionDigits: Number.isInteger(value) ? 0 : digits,
    maximumFractionDigits: digits,
  });
}

/** The middle of several, and how far they lie apart where they do. */
export function spreadText({ median, least, most }: Spread): string {
  const [middle, from, to] = [median, least, most].map(numberText) as [string, string, string];
  return from === to ? middle : `${middle} (${from} – ${to})`;
}

/**
 * A figure that is held against a bound, with two digits: never rounded in our favour, so that what
 * misses its bound is not shown as if it had reached it.
 *
 * @param bound Which way the bound is.
 */
export function boundedText(value: number, bound: "at least" | "at most"): string {
  const scale = value >= 10 ? 10 : 100;
  // What 0.7 × 100 is short of 70 is no part of the figure.
  const slack = 1e-9 * Math.max(1, value * scale);
  const rounded = bound === "at least"
    ? Math.floor(value * scale + slack)
    : Math.ceil(value * scale - slack);
  return (rounded / scale).toLocaleString("en-US", { minimumFractionDigits: scale === 10 ? 1 : 2 });
}

/** Text in a cell of a Markdown table. */
export function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

/** A table in Markdown. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map(cell).join(" | ")} |`).join("\n");
}
