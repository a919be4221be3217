/** `deno task load`: loads the platform with k6, and says whether it kept what it promises. */
import { parseArgs } from "node:util";
import { type Kind, KINDS } from "../../load-tests/kinds.ts";
import { type PlatformQueries, WINDOW } from "../../load-tests/queries.ts";
import { LAG_QUERIES } from "../../dashboards/lag.ts";
import { PROCESS_METRICS } from "../../dashboards/process_row.ts";
import { SERVICE_NAMES } from "../../contract/pipeline.ts";
import { alertScope, series } from "../../dashboards/query.ts";
import { SINK_QUERIES } from "../../dashboards/sink.ts";
import { audit } from "../ledger/audit.ts";
import { auditOptions } from "../ledger/config.ts";
import { formatReport } from "../ledger/report.ts";
import { exitCode } from "../ledger/summary.ts";
import { printLine, runTool, toolLog, warnLine } from "../tool.ts";
import { alertsOf } from "./alerts.ts";
import { isSettled, settledLedger } from "./ledger.ts";
import { LOAD_SCENARIOS, type LoadScenario } from "./scenarios.ts";
import { runK6 } from "./k6.ts";
import { withStack } from "./stack.ts";

const USAGE = `deno task load [--kind KIND] [--scenario NAME] [--ticks-per-s N]

Loads a platform of its own with k6, and fails where a promise of load-tests/targets.ts is not kept.

  --kind KIND        smoke (20 s, default), average, spike, soak (30 min), breakpoint
  --scenario NAME    ingest (default): callers of POST /ticks; feed: the simulator, no HTTP in the way;
                     mixed: half of each
  --ticks-per-s N    the load; of a spike and a breakpoint, what it begins with
  --data-dir DIR     where the platform keeps its data, and where the report goes (.tapeline/load)
  --help             this

Exit code: 0 all was kept, 1 it was not, 2 it could not be run.`;

const EXIT_NOT_RUN = 2;
/** Of our services: others show theirs by the same name. */
const MEMORY = series(
  PROCESS_METRICS.memory,
  alertScope(WINDOW),
  `service=~"${SERVICE_NAMES.join("|")}"`,
);
/** As the boards ask. */
const QUERIES: PlatformQueries = {
  seconds_behind: LAG_QUERIES.seconds(alertScope(WINDOW)),
  event_to_row_p99: SINK_QUERIES.age_p99(alertScope(WINDOW)),
  memory_growth: `deriv(${MEMORY}[${WINDOW}]) * 3600 / avg_over_time(${MEMORY}[${WINDOW}])`,
};
/** Unless said otherwise; an average load is 5,000 at least. */
const TICKS_PER_S: { readonly [kind in Kind]: number } = {
  smoke: 1_000,
  average: 5_000,
  spike: 1_000,
  soak: 5_000,
  breakpoint: 1_000,
};

await runTool(EXIT_NOT_RUN, async () => {
  const { values } = parseArgs({
    options: {
      kind: { type: "string", default: "smoke" },
      scenario: { type: "string", default: "ingest" },
      "ticks-per-s": { type: "string" },
      "data-dir": { type: "string", default: ".tapeline/load" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    printLine(USAGE);
    return 0;
  }
  const kind = oneOf(KINDS, "kind", values.kind);
  const names = Object.keys(LOAD_SCENARIOS) as (keyof typeof LOAD_SCENARIOS)[];
  const scenario: LoadScenario = LOAD_SCENARIOS[oneOf(names, "scenario", values.scenario)];
  const ticks_per_s = Number(values["ticks-per-s"] ?? TICKS_PER_S[kind]);
  if (!Number.isSafeInteger(ticks_per_s) || ticks_per_s < 1) {
    throw new Error(`--ticks-per-s must be a whole number from 1 on: ${values["ticks-per-s"]}`);
  }
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stopping.abort(new Error("Stopped before its end")));
  }
  const options = {
    data_dir: values["data-dir"],
    sources: scenario.sources,
    environment: scenario.environment(ticks_per_s),
  };
  return await withStack(options, warnLine, stopping.signal, async (stack) => {
    const report_dir = `${stack.data_dir}/report`;
    await Deno.mkdir(report_dir, { recursive: true });
    const started_at_ms = Date.now();
    const are_kept = await runK6({
      script: scenario.script,
      variables: {
        ...(stack.door_url === null ? {} : { DOOR_URL: stack.door_url }),
        PROMETHEUS_URL: stack.prometheus_url,
        PLATFORM_QUERIES: JSON.stringify(QUERIES),
        KIND: kind,
        TICKS_PER_S: String(scenario.sent_by_k6(ticks_per_s)),
        SUMMARY_PATH: `${report_dir}/summary.json`,
      },
      remote_write_url: `${stack.prometheus_url}/api/v1/write`,
      html_path: `${report_dir}/report.html`,
      progress: warnLine,
      stopping: stopping.signal,
    });
    // What goes on can't be judged to its end.
    await stack.endSource();
    const where = auditOptions(stack.environment, toolLog("load"));
    const report = await settledLedger(() => audit(where));
    printLine(formatReport(report));
    const alerts = await alertsOf(stack.prometheus_url, started_at_ms, Date.now());
    printLine(alerts.length === 0 ? "No alert fired." : `Alerts: ${alerts.join(", ")}`);
    printLine(`The report: ${report_dir}/report.html`);
    return are_kept && isSettled(report) && exitCode(report) === 0 ? 0 : 1;
  });
});

function oneOf<Value extends string>(
  values: readonly Value[],
  option: string,
  given: string,
): Value {
  const found = values.find((value) => value === given);
  if (found !== undefined) return found;
  throw new Error(`--${option} must be one of ${values.join(", ")}, and is ${given}`);
}
