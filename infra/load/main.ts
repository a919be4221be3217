/** `deno task load`: loads the platform with k6, and says whether it kept what it promises. */
import { printLine, runTool } from "../tool.ts";
import { runLoad } from "./load.ts";
import { parseLoadOptions, USAGE } from "./options.ts";

const EXIT_NOT_RUN = 2;

await runTool(EXIT_NOT_RUN, async () => {
  const options = parseLoadOptions(Deno.args);
  if (options === null) {
    printLine(USAGE);
    return 0;
  }
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stopping.abort(new Error("Stopped before its end")));
  }
  return await runLoad(options, stopping.signal) ? 0 : 1;
});
