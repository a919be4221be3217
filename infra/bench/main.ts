/** `deno task bench [--rounds N]`: what measuring costs, as ratios of runs that took turns. */
import { parseArgs } from "node:util";
import { median } from "./figures.ts";
import { benchTelemetry, type RunFigures } from "./telemetry.ts";

const ROUNDS = 3;
const { values } = parseArgs({ args: Deno.args, options: { rounds: { type: "string" } } });
const rounds = Number(values.rounds ?? ROUNDS);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  console.error(`--rounds must be a whole number from 1 on, and is ${values.rounds}`);
  Deno.exit(2);
}
const figures = await benchTelemetry(rounds, (line) => console.log(line));
console.log(
  `\nmedians of ${rounds}`.padEnd(24) + "against off of the same round: the median, and from to",
);
console.log(`${"".padEnd(23)}wall time CPU time    wall                        CPU`);
for (const name of figures.keys()) {
  console.log(
    `${name.padEnd(20)} ${cell("wall_seconds", name)} ${cell("cpu_seconds", name)}` +
      (name === "off"
        ? ""
        : `    ${against("wall_seconds", name)}    ${against("cpu_seconds", name)}`),
  );
}

function cell(figure: keyof RunFigures, name: string): string {
  return `${median(figures.get(name)!.map((run) => run[figure])).toFixed(1).padStart(8)} s`;
}

/** How much more than without metrics, in the median and at the least and most. */
function against(figure: keyof RunFigures, name: string): string {
  const off = figures.get("off")!;
  const ratios = figures.get(name)!.map((run, round) => run[figure] / off[round]![figure]);
  const [middle, least, most] = [median(ratios), Math.min(...ratios), Math.max(...ratios)]
    .map((ratio) => `${ratio >= 1 ? "+" : ""}${((ratio - 1) * 100).toFixed(1)} %`);
  return `${middle!.padStart(7)} (${least} to ${most})`.padEnd(28);
}
