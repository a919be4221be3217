/** Prometheus and Alertmanager on this machine, from the programs of their Go modules. */
import { resolve } from "node:path";
import { alertmanagerConfig } from "../../dashboards/alertmanager.ts";
import type { FeedHours } from "../../dashboards/feed_hours.ts";
import { LOOPBACK } from "./free_port.ts";
import { findGoTool, type GoTool } from "./go_tool.ts";
import { type LocalServer, startLocalServer } from "./local_server.ts";
import type { Progress } from "./start_fault.ts";
import { ignoreNotFound, writeAtomically } from "./files.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const RULES_DIR = `${ROOT}infra/generated/prometheus/rules`;
const READY_DEADLINE_MS = 30_000;
const ASK_DEADLINE_MS = 500;
const STOP_DEADLINE_MS = 2_500;
const RETENTION = "15d";

/** Its program. */
export const PROMETHEUS: GoTool = {
  name: "prometheus",
  package_path: "github.com/prometheus/prometheus/cmd/prometheus",
  // Without the clients of every cloud it builds in half the time; what is found by file stays.
  tags: "remove_all_sd",
};
/** Its program. */
export const ALERTMANAGER: GoTool = {
  name: "alertmanager",
  package_path: "github.com/prometheus/alertmanager/cmd/alertmanager",
};

/** Where and how to start one of them. */
export interface WatcherOptions {
  /** Holds its data in `prometheus/` or `alertmanager/`. */
  data_dir: string;
  /** The port; null takes a free one. */
  port: number | null;
  progress: Progress;
  /** Ends the build, and the wait until it is ready. */
  stopping: AbortSignal;
}

/**
 * Starts Prometheus with the configuration at the root. It scrapes what `targets.json` in the data
 * directory names, and sends alerts to whom `alertmanagers.json` names.
 *
 * @param options Where and how.
 * @returns Once it answers.
 * @throws StartFault if it can't be built, or does not start.
 */
export async function startPrometheus(options: WatcherOptions): Promise<LocalServer> {
  const { data_dir, port, progress, stopping } = options;
  const program = await findGoTool(PROMETHEUS, progress, stopping);
  const config_path = `${data_dir}/prometheus.yml`;
  return await startLocalServer({
    name: "prometheus",
    port,
    port_variable: "TAPELINE_PROMETHEUS_PORT",
    port_count: 1,
    ready_deadline_ms: READY_DEADLINE_MS,
    async command([http_port]) {
      await writeAtomically(config_path, await Deno.readTextFile(`${ROOT}prometheus.yml`), 0o644);
      await copyRules(`${data_dir}/rules`);
      return {
        name: "prometheus",
        data_dir,
        command: [
          program,
          `--config.file=${config_path}`,
          `--storage.tsdb.path=${data_dir}/prometheus`,
          `--storage.tsdb.retention.time=${RETENTION}`,
          `--web.listen-address=${LOOPBACK}:${http_port}`,
          "--enable-feature=exemplar-storage",
          // Load tests tell it what callers see.
          "--web.enable-remote-write-receiver",
          "--log.level=warn",
        ],
        stop_signal: "SIGTERM",
        stop_deadline_ms: STOP_DEADLINE_MS,
      };
    },
    isReady: ([http_port]) => answers(`http://${LOOPBACK}:${http_port}/-/ready`),
  }, stopping);
}

/** Puts the rules beside the configuration; those of an older version are gone. */
async function copyRules(rules_dir: string): Promise<void> {
  await Deno.remove(rules_dir, { recursive: true }).catch(ignoreNotFound);
  await Deno.mkdir(rules_dir);
  for await (const { name } of Deno.readDir(RULES_DIR)) {
    await Deno.copyFile(`${RULES_DIR}/${name}`, `${rules_dir}/${name}`);
  }
}

/**
 * Starts Alertmanager.
 *
 * @param options Where and how.
 * @returns Once it answers.
 * @throws StartFault if it can't be built, or does not start.
 */
export async function startAlertmanager(
  options: WatcherOptions & { webhook_url: URL | null; feed_hours?: FeedHours },
): Promise<LocalServer> {
  const { data_dir, port, progress, stopping, webhook_url, feed_hours } = options;
  const config_dir = `${data_dir}/alertmanager`;
  const program = await findGoTool(ALERTMANAGER, progress, stopping);
  return await startLocalServer({
    name: "alertmanager",
    port,
    port_variable: "TAPELINE_ALERTMANAGER_PORT",
    port_count: 1,
    ready_deadline_ms: READY_DEADLINE_MS,
    async command([http_port]) {
      const webhook_url_file = webhook_url === null ? null : resolve(config_dir, "webhook_url");
      await Deno.mkdir(config_dir, { recursive: true });
      if (webhook_url_file !== null) await writeAtomically(webhook_url_file, String(webhook_url));
      await writeAtomically(
        `${config_dir}/alertmanager.yml`,
        alertmanagerConfig({ webhook_url_file, feed_hours }),
      );
      return {
        name: "alertmanager",
        data_dir,
        command: [
          program,
          `--config.file=${config_dir}/alertmanager.yml`,
          `--storage.path=${config_dir}`,
          `--web.listen-address=${LOOPBACK}:${http_port}`,
          // One is enough here: it looks for no others.
          "--cluster.listen-address=",
          "--log.level=warn",
        ],
        stop_signal: "SIGTERM",
        stop_deadline_ms: STOP_DEADLINE_MS,
      };
    },
    isReady: ([http_port]) => answers(`http://${LOOPBACK}:${http_port}/-/ready`),
  }, stopping);
}

/** Whether a server answers a request with success, soon. */
export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ASK_DEADLINE_MS) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
