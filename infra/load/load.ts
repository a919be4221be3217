/** One load, from a new platform to its verdict. Read it top-down. */
import { isKept, summarize, type SummaryData } from "../../load-tests/summary.ts";
import { LEDGER, targetsOf } from "../../load-tests/targets.ts";
import { audit } from "../ledger/audit.ts";
import { auditOptions } from "../ledger/config.ts";
import type { LedgerReport } from "../ledger/judge.ts";
import { formatReport } from "../ledger/report.ts";
import { notedPid } from "../local/run_note.ts";
import { printLine, toolLog, warnLine } from "../tool.ts";
import { alertsOf } from "./alerts.ts";
import { lastLimit, noteLimit } from "./breakpoint_file.ts";
import { runK6 } from "./k6.ts";
import { settledLedger, unaccounted } from "./ledger.ts";
import type { Limit } from "./limit.ts";
import { followMachine, type MachineLook } from "./machine.ts";
import { type LoadOptions, usualRate } from "./options.ts";
import { LOAD_SCENARIOS, type LoadScenario } from "./scenarios.ts";
import { type LoadedStack, withStack } from "./stack.ts";
import { watchForLimit } from "./watch_limit.ts";

/** A load with all that was left open filled in. */
interface Load extends LoadOptions {
  ticks_per_s: number;
}

/**
 * Runs a load and prints what came of it.
 *
 * @param options What to run.
 * @param stopping Ends it early.
 * @returns Whether everything that is promised was kept.
 */
export async function runLoad(options: LoadOptions, stopping: AbortSignal): Promise<boolean> {
  const { data_dir, kind } = options;
  const scenario: LoadScenario = LOAD_SCENARIOS[options.scenario];
  const known = await lastLimit(data_dir, options.scenario);
  const ticks_per_s = options.ticks_per_s ?? usualRate(kind, known?.ticks_per_s ?? null);
  const load: Load = { ...options, ticks_per_s };
  printLine(
    `${options.scenario}, ${kind}: ${kind === "breakpoint" || kind === "spike" ? "from " : ""}` +
      `${ticks_per_s} ticks/s, ${load.duration_s} s`,
  );
  const made_dir = await Deno.makeTempDir({ prefix: "tapeline-load-" });
  try {
    const environment = await scenario.prepare(load, made_dir);
    const stack = { data_dir, sources: scenario.sources, environment };
    return await withStack(
      stack,
      warnLine,
      stopping,
      (running) => loadStack(load, running, stopping),
    );
  } finally {
    await Deno.remove(made_dir, { recursive: true });
  }
}

async function loadStack(load: Load, stack: LoadedStack, stopping: AbortSignal): Promise<boolean> {
  const started_at_ms = Date.now();
  const report_dir = `${stack.data_dir}/report`;
  await Deno.mkdir(report_dir, { recursive: true });
  const { data, limit, others } = await sendLoad(load, stack, report_dir, stopping);
  // What goes on can't be judged to its end.
  await stack.endSource();
  const where = auditOptions(stack.environment, toolLog("load"));
  const ledger = await settledLedger(() => audit(where));
  const alerts = await alertsOf(stack.prometheus_url, started_at_ms, Date.now());

  const judged = withLedger(data, ledger);
  const targets = targetsOf(
    load.kind,
    LOAD_SCENARIOS[load.scenario].script === "feed" ? "feed" : "door",
  );
  printLine(`\n${formatReport(ledger)}\n`);
  printLine(alerts.length === 0 ? "No alert fired." : `Alerts: ${alerts.join(", ")}`);
  printLine(`\n${summarize(judged, targets)}`);
  if (others !== null) printLine(others);
  if (load.kind === "breakpoint") printLine(await limitText(load, limit));
  printLine(`The report: ${report_dir}/report.html`);
  return targets.every((target) => isKept(judged, target));
}

/** Has k6 send it or look at it; of a breakpoint until the platform gives way. */
async function sendLoad(
  load: Load,
  stack: LoadedStack,
  report_dir: string,
  stopping: AbortSignal,
): Promise<{ data: SummaryData; limit: Limit | null; others: string | null }> {
  const scenario: LoadScenario = LOAD_SCENARIOS[load.scenario];
  const summary_path = `${report_dir}/summary.json`;
  let others: string | null = null;
  const enough = new AbortController();
  const over = new AbortController();
  let lookBack = (): MachineLook => ({ cores: {}, machine: null });
  let watching: Promise<Limit | null> = Promise.resolve(null);
  try {
    await runK6({
      script: scenario.script,
      variables: {
        ...(stack.door_url === null ? {} : { DOOR_URL: stack.door_url }),
        PROMETHEUS_URL: stack.prometheus_url,
        KIND: load.kind,
        TICKS_PER_S: String(scenario.script_ticks_per_s(load.ticks_per_s)),
        DURATION_S: String(load.duration_s),
        SUMMARY_PATH: summary_path,
      },
      remote_write_url: `${stack.prometheus_url}/api/v1/write`,
      html_path: `${report_dir}/report.html`,
      progress: warnLine,
      stopping,
      enough: enough.signal,
      onStarted(k6_pid) {
        lookBack = followMachine({ platform: stack.pid, k6: k6_pid });
        if (load.kind !== "breakpoint") return;
        watching = watch(stack, k6_pid, over.signal).finally(() => enough.abort());
        watching.catch(() => {});
      },
    });
    others = othersText(lookBack());
  } finally {
    over.abort();
  }
  return { data: JSON.parse(await Deno.readTextFile(summary_path)), limit: await watching, others };
}

async function watch(
  { data_dir, prometheus_url }: LoadedStack,
  k6: number,
  signal: AbortSignal,
): Promise<Limit | null> {
  const postgres = await notedPid(data_dir, "postgres");
  const lookAtMachine: () => MachineLook = followMachine({
    k6,
    ...(postgres === null ? {} : { postgres }),
  });
  return await watchForLimit({ prometheus_url, lookAtMachine, tell: warnLine, signal });
}

/** Latency on a machine that others use as well is theirs too. */
function othersText({ cores, machine }: MachineLook): string | null {
  if (machine === null) return null;
  const { platform = 0, k6 = 0 } = cores;
  const others = Math.max(0, machine.busy - platform - k6);
  return `Of the machine's ${machine.cores} cores the platform used ${platform.toFixed(2)}, k6 ` +
    `${k6.toFixed(2)}, others ${others.toFixed(2)}.`;
}

/** The ledger among what k6 has measured, so that one summary tells both. */
function withLedger({ metrics }: SummaryData, ledger: LedgerReport): SummaryData {
  const values = { [LEDGER.statistic]: unaccounted(ledger) };
  return { metrics: { ...metrics, [LEDGER.metric]: { values } } };
}

async function limitText(load: Load, limit: Limit | null): Promise<string> {
  if (limit === null) return "Every promise was kept up to the highest rate: raise --ticks-per-s.";
  await noteLimit(load.data_dir, load.scenario, limit);
  return limit.sentence;
}
