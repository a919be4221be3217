/** `deno task readme`: writes README's table of variables; with --check, fails where it differs. */
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
  const after = withVariables(before, table);
  if (after === before) return 0;
  if (Deno.args.includes("--check")) {
    warnLine("README.md's table of variables is not up to date: run deno task readme");
    return 1;
  }
  await Deno.writeTextFile(path, after);
  printLine("README.md: the table of variables is written anew");
  return 0;
});
