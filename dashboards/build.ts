/**
 * `deno task dashboards`: writes everything that is made from the boards. With `--check` it writes
 * nothing, and fails where a file is not as it would be written.
 */
import { parseArgs } from "node:util";
import { alertmanagerConfig } from "./alertmanager.ts";
import { ALERT_GROUPS, BOARDS } from "./all.ts";
import { drawBoard } from "./grafana.ts";
import { PLATFORM_QUERIES } from "./load_queries.ts";
import { metricsPage } from "./metrics_page.ts";
import { exporterQueries } from "../infra/postgres/metrics.ts";
import { ruleFile } from "./rules.ts";

const ROOT = new URL("..", import.meta.url).pathname;
/** Directories in which every file is written here: what else lies there is in the way. */
const OWN_DIRS = [
  "infra/generated/grafana/dashboards",
  "infra/generated/prometheus/rules",
  "infra/generated/alertmanager",
  "infra/generated/postgres_exporter",
  "infra/generated/load",
] as const;

/** Every file that is made: its path from the root, and what is in it. */
export function generatedFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const board of BOARDS) {
    const text = JSON.stringify(drawBoard(board), null, 2) + "\n";
    files.set(`${OWN_DIRS[0]}/${board.name}.json`, text);
  }
  for (const [group, alerts] of Object.entries(ALERT_GROUPS)) {
    const board = BOARDS.find(({ name }) => name === group);
    if (alerts.length === 0 && board?.records === undefined) continue;
    files.set(`${OWN_DIRS[1]}/${group}.yml`, ruleFile(group, alerts, board));
  }
  const webhook_url_file = "/run/secrets/alert_webhook_url";
  files.set(`${OWN_DIRS[2]}/alertmanager.yml`, alertmanagerConfig({ webhook_url_file }));
  files.set(`${OWN_DIRS[3]}/queries.yml`, exporterQueries());
  files.set(`${OWN_DIRS[4]}/queries.json`, JSON.stringify(PLATFORM_QUERIES, null, 2) + "\n");
  files.set("docs/metrics.md", metricsPage());
  return files;
}

/** What is not as it would be written, a path each. */
export async function differingFiles(files: ReadonlyMap<string, string>): Promise<string[]> {
  const differing: string[] = [];
  for (const [path, text] of files) {
    const found = await Deno.readTextFile(ROOT + path).catch(() => null);
    if (found !== text) differing.push(path);
  }
  for (const dir of OWN_DIRS) {
    for (const { name } of await entriesOf(ROOT + dir)) {
      if (!files.has(`${dir}/${name}`)) differing.push(`${dir}/${name}`);
    }
  }
  return differing;
}

async function entriesOf(dir: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(dir));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

if (import.meta.main) {
  const { values: { check } } = parseArgs({
    args: Deno.args,
    options: { check: { type: "boolean" } },
  });
  const files = generatedFiles();
  const differing = await differingFiles(files);
  if (check && differing.length > 0) {
    console.error(`Not as \`deno task dashboards\` writes them: ${differing.join(", ")}`);
    Deno.exit(1);
  }
  for (const dir of check ? [] : OWN_DIRS) await Deno.mkdir(ROOT + dir, { recursive: true });
  for (const path of check ? [] : differing) {
    const text = files.get(path);
    if (text === undefined) await Deno.remove(ROOT + path);
    else await Deno.writeTextFile(ROOT + path, text);
    console.log(path);
  }
}
