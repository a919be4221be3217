/** k6, built as a Go tool, and how it is run. */
import { findGoTool, type GoTool } from "../local/go_tool.ts";
import type { Progress } from "../local/start_fault.ts";

/** Its program. */
export const K6: GoTool = { name: "k6", package_path: "go.k6.io/k6" };

const SCRIPTS_DIR = new URL("../../load-tests", import.meta.url).pathname;
/** k6's own exit codes where a threshold was missed, and where it was told to stop. */
const THRESHOLDS_MISSED = 99;
const TOLD_TO_STOP = 105;

/** A run of k6. */
export interface K6Run {
  script: string;
  /** What the script reads from __ENV. */
  variables: { [name: string]: string };
  /** Where Prometheus takes what k6 measures. */
  remote_write_url: string;
  /** The report for those without Grafana. */
  html_path: string;
  progress: Progress;
  /** Ends it at once. */
  stopping: AbortSignal;
  /** Ends it in order: what is under way is finished, and the closing look taken. */
  enough: AbortSignal;
  /** Told its process's id. */
  onStarted(pid: number): void;
}

/**
 * Runs a script to its end, with its output on this process's. What it measured is where the variable
 * SUMMARY_PATH says.
 *
 * @throws Error where k6 itself failed: a script that does not parse, a platform that does not answer.
 */
export async function runK6(run: K6Run): Promise<void> {
  const program = await findGoTool(K6, run.progress, run.stopping);
  const variables = Object.entries(run.variables).flatMap(([name, value]) => [
    "--env",
    `${name}=${value}`,
  ]);
  const child = new Deno.Command(program, {
    args: [
      ...["run", "--quiet", "--no-usage-report", "--out", "experimental-prometheus-rw"],
      ...["--out", "web-dashboard"],
      ...variables,
      `${SCRIPTS_DIR}/${run.script}.ts`,
    ],
    env: {
      K6_PROMETHEUS_RW_SERVER_URL: run.remote_write_url,
      K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM: "true",
      K6_PROMETHEUS_RW_PUSH_INTERVAL: "5s",
      // The report is drawn at the end; nobody is served meanwhile.
      K6_WEB_DASHBOARD_PORT: "-1",
      K6_WEB_DASHBOARD_EXPORT: run.html_path,
    },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
    signal: run.stopping,
  }).spawn();
  run.onStarted(child.pid);
  const finish = () => child.kill("SIGINT");
  run.enough.addEventListener("abort", finish, { once: true });
  const { code } = await child.status;
  run.enough.removeEventListener("abort", finish);
  run.stopping.throwIfAborted();
  const is_over = code === 0 || code === THRESHOLDS_MISSED ||
    (code === TOLD_TO_STOP && run.enough.aborted);
  if (is_over) return;
  throw new Error(`k6 could not run ${run.script} and ended with ${code}: its words are above`);
}
