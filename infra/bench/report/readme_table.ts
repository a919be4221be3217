/** README's block of benchmarks. Pure. */
import type { Measurement } from "../benchmark.ts";
import { markdownTable } from "./number_text.ts";
import { PAGES } from "./pages.ts";
import { plotPath, REPORT_DIR } from "./report.ts";
import { limitText, measuredText } from "./target_text.ts";
import { judgeAll } from "./targets.ts";

/** Between these marks of README stands the block. */
export const README_MARKS = {
  start: "<!-- benchmarks:begin -->",
  end: "<!-- benchmarks:end -->",
} as const;

/** The plot that is shown where it is there; else the report's first. */
const FAVOURITE_PLOT = "aggregator";

/**
 * The table of all figures that are judged, and one plot.
 *
 * @param measurements All that was measured, by benchmark.
 * @param files What the report is drawn into, by path.
 */
export function readmeBlock(
  measurements: ReadonlyMap<string, Measurement>,
  files: ReadonlyMap<string, string>,
): string {
  const report = `[${REPORT_DIR}](${REPORT_DIR}/README.md)`;
  const asked = judgeAll(measurements)
    .filter(({ target }) => target.reach !== undefined || target.beyond !== undefined);
  const measured = asked.filter(({ verdict }) => verdict !== "not measured");
  if (measured.length === 0) {
    return `How fast it is beside bare loops and its peers is not measured yet: ${report} says what ` +
      "`deno task bench` will hold it against.";
  }
  const rows = measured.map((each) => {
    const { target, verdict } = each;
    const limit = limitText(target, target.reach ?? target.beyond);
    return [
      target.what,
      target.against ?? "",
      verdict === "does not count" ? `**${verdict}**` : measuredText(each),
      target.reach === undefined ? `${limit} (beyond)` : limit,
      verdict === "missed" ? "**missed**" : verdict,
    ];
  });
  const missing = [
    ...new Set(
      asked.filter((each) => !measured.includes(each))
        .map(({ target }) => target.benchmark),
    ),
  ];
  const dates = [...measurements.values()].map(({ started_at }) => started_at.slice(0, 10)).sort();
  const [first, last] = [dates[0]!, dates.at(-1)!];
  const plot = [FAVOURITE_PLOT, ...PAGES.map(({ benchmark }) => benchmark)]
    .find((benchmark) => files.has(plotPath(benchmark)));
  const title = PAGES.find(({ benchmark }) => benchmark === plot)?.title;
  return [
    `How fast it is beside bare loops and its peers, in turns on the same machine: what \`deno task ` +
    `bench\` measured on ${
      first === last ? first : `${first} to ${last}`
    }. The whole report, with ` +
    `its raw data: ${report}.`,
    markdownTable(["figure", "against", "measured", "to reach", ""], rows),
    ...(missing.length === 0
      ? []
      : [`Not measured yet, wholly or in part: ${missing.join(", ")}.`]),
    ...(plot === undefined ? [] : [`![${title}](${plotPath(plot)})`]),
  ].join("\n\n");
}
