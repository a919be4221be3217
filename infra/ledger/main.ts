/** `deno task audit`: prints the ledger; exit code 0 balanced, 1 not, 2 it could not be judged. */
import { parseArgs } from "node:util";
import { findServers } from "../find_servers.ts";
import { printLine, runTool, toolLog } from "../tool.ts";
import { audit } from "./audit.ts";
import { auditOptions } from "./config.ts";
import { formatReport } from "./report.ts";
import { exitCode, summarize } from "./summary.ts";

const USAGE = `deno task audit [--data-dir DIR] [--all] [--json]

Holds what the producer was told, what is in Kafka, what each stage has processed or refused, and
what is stored against each other, for every partition and minute.

  --data-dir DIR  of the running stack (.tapeline)
  --all           show each minute, not only totals and what differs
  --json          for a machine
  --help          this

Exit code: 0 it balances, 1 it does not, 2 it could not be judged.`;

const EXIT_NOT_JUDGED = 2;

await runTool(EXIT_NOT_JUDGED, async () => {
  const { values } = parseArgs({
    options: {
      "data-dir": { type: "string", default: ".tapeline" },
      all: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    printLine(USAGE);
    return 0;
  }
  const environment = await findServers(values["data-dir"], Deno.env.toObject(), [
    "kafka",
    "postgres",
  ]);
  const report = await audit(auditOptions(environment, toolLog("audit")));
  printLine(
    values.json
      ? JSON.stringify({ summary: summarize(report), ...report })
      : formatReport(report, { all: values.all }),
  );
  return exitCode(report);
});
