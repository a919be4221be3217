/**
 * `deno task bench`: how fast Tapeline is, beside bare loops and its peers. Writes the raw data to
 * docs/benchmarks/data, and draws the report from all of it.
 */
import { parseArgs } from "node:util";
import { printLine, runTool } from "../tool.ts";
import { drawAnew } from "./report/drawn_files.ts";
import { BENCHMARKS } from "./report/table.ts";
import { keepMeasurement } from "./raw_data.ts";
import { measure } from "./measure.ts";

const ROUNDS = 3;
const EXIT_NOT_RUN = 2;
const USAGE = `deno task bench [NAME...] [--rounds N]
deno task bench --report

Measures what is named, or everything (hours), and draws the report docs/benchmarks/README.md anew,
with its plots and README's table.

  NAME         ${BENCHMARKS.map(({ name }) => name).join(", ")}
  --rounds N   runs of each subject, in turns (${ROUNDS})
  --report     draws it from the raw data that is there, and measures nothing
  --help       this`;

await runTool(EXIT_NOT_RUN, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      report: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    printLine(USAGE);
    return 0;
  }
  if (values.report) {
    if (positionals.length > 0 || values.rounds !== undefined) {
      throw new Error(`--report measures nothing, and goes with nothing else\n${USAGE}`);
    }
    await drawAndTell();
    return 0;
  }
  const rounds = Number(values.rounds ?? ROUNDS);
  if (!Number.isSafeInteger(rounds) || rounds < 1) {
    throw new Error(`--rounds must be a whole number from 1 on: ${values.rounds}`);
  }
  const unknown = positionals.filter((name) => !BENCHMARKS.some((each) => each.name === name));
  if (unknown.length > 0) throw new Error(`There is no benchmark ${unknown.join(", ")}\n${USAGE}`);
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stopping.abort(new Error("Stopped before its end")));
  }
  for (const benchmark of BENCHMARKS) {
    if (positionals.length > 0 && !positionals.includes(benchmark.name)) continue;
    printLine(`\n${benchmark.name}`);
    const context = { rounds, tell: printLine, stopping: stopping.signal };
    await keepMeasurement(await measure(benchmark, context));
    // At once, so that the report is of the raw data even where a later benchmark fails.
    await drawAndTell();
  }
  return 0;
});

async function drawAndTell(): Promise<void> {
  const changed = await drawAnew();
  printLine(changed.length === 0 ? "The report is as it was" : `Drawn: ${changed.join(", ")}`);
}
