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
const of = (name: string, figure: keyof RunFigures): number =>
  median(figures.get(name)!.map((run) => run[figure]));
console.log(`\nmedians of ${rounds}:           wall time   CPU time   against off: wall    CPU`);
for (const name of figures.keys()) {
  const [wall, cpu] = [of(name, "wall_seconds"), of(name, "cpu_seconds")];
  const share = (value: number, off: number): string =>
    `${((value / off - 1) * 100).toFixed(1)} %`.padStart(8);
  console.log(
    `${name.padEnd(22)} ${wall.toFixed(1).padStart(9)} s ${cpu.toFixed(1).padStart(8)} s ` +
      `${" ".repeat(14)}${share(wall, of("off", "wall_seconds"))}${
        share(cpu, of("off", "cpu_seconds"))
      }`,
  );
}
