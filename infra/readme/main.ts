/**
 * `deno task readme`: writes README's tables, of variables and of benchmarks, and the benchmarks' report;
 * with --check, fails where they differ from what they are made of.
 */
import {
  differingFiles,
  drawBenchmarks,
  withBenchmarks,
  writeFiles,
} from "../bench/report/drawn_files.ts";
import { ROOT } from "../conformance/source_files.ts";
import { SETTINGS as SUPERVISOR } from "../local/config.ts";
import { SETTINGS as AGGREGATOR } from "../../services/aggregator/config.ts";
import { SETTINGS as PRODUCER } from "../../services/producer/config.ts";
import { SETTINGS as SINK } from "../../services/sink/config.ts";
import { printLine, runTool, warnLine } from "../tool.ts";
import { variablesTable, withVariables } from "./variables_table.ts";

await runTool(1, async () => {
  const path = `${ROOT}README.md`;
  const before = await Deno.readTextFile(path);
  const table = variablesTable([
    { owner: "start", table: SUPERVISOR },
    { owner: "producer", table: PRODUCER },
    { owner: "aggregator", table: AGGREGATOR },
    { owner: "sink", table: SINK },
  ]);
  const drawn = await drawBenchmarks();
  const after = withBenchmarks(withVariables(before, table), drawn);
  const readme = after === before ? [] : ["README.md"];
  if (Deno.args.includes("--check")) {
    const differing = [...await differingFiles(drawn), ...readme];
    if (differing.length === 0) return 0;
    warnLine(`Generated, and not up to date: ${differing.join(", ")}. Run deno task readme`);
    return 1;
  }
  if (after !== before) await Deno.writeTextFile(path, after);
  const written = [...await writeFiles(drawn), ...readme];
  if (written.length > 0) printLine(`Written anew: ${written.join(", ")}`);
  return 0;
});
