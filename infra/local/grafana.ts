/** Grafana on this machine, where its program is on PATH: provisioned by the files that compose mounts. */
import { dirname } from "node:path";
import { openDatabase } from "../../runtime/database.ts";
import { exists, writeAtomically } from "./files.ts";
import { LOOPBACK } from "./free_port.ts";
import { type LocalServer, startLocalServer } from "./local_server.ts";
import { answers, type WatcherOptions } from "./prometheus_server.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const READY_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 2_500;
const STATEMENT_TIMEOUT_MS = 10_000;
/** Newer releases have one program with commands, older ones a program of its own. */
const PROGRAMS: readonly { name: string; args: readonly string[] }[] = [
  { name: "grafana", args: ["server"] },
  { name: "grafana-server", args: [] },
];

/** For who has none. */
export const GRAFANA_MISSING =
  "(not on PATH: https://grafana.com/docs/grafana/latest/setup-grafana/installation/)";

/** What Grafana is to show. */
export interface GrafanaSources {
  prometheus_url: string;
  jaeger_url: string;
  /** With the password of somebody who may make the role that it reads by. */
  database_url: string;
}

/**
 * Looks for Grafana.
 *
 * @param path Directories, parted by colons.
 * @returns The command that serves; null where there is no program, or one without its own files.
 */
export async function findGrafana(path: string): Promise<string[] | null> {
  for (const directory of path.split(":").filter((part) => part !== "")) {
    for (const { name, args } of PROGRAMS) {
      const found = `${directory}/${name}`;
      if (!await exists(found)) continue;
      // The archive has its programs in bin/; packages put a wrapper on PATH and the rest in share/.
      const homes = [
        dirname(dirname(await Deno.realPath(found))),
        `${dirname(directory)}/share/grafana`,
        "/usr/share/grafana",
      ];
      for (const home of homes) {
        if (!await exists(`${home}/conf/defaults.ini`)) continue;
        const own = `${home}/bin/${name}`;
        return [await exists(own) ? own : found, ...args, `--homepath=${home}`];
      }
    }
  }
  return null;
}

/**
 * Grafana's environment: its settings, and what the provisioning files name.
 *
 * @param data_dir Holds its data in `grafana/`.
 * @param port The port it listens on.
 * @param sources What it is to show.
 * @param passwords Of its user admin, and of the role that it reads the database by.
 */
export function grafanaEnvironment(
  data_dir: string,
  port: number,
  { prometheus_url, jaeger_url, database_url }: GrafanaSources,
  passwords: { admin: string; reader: string },
): { [variable: string]: string } {
  const database = new URL(database_url);
  return {
    GF_PATHS_DATA: `${data_dir}/grafana`,
    GF_PATHS_LOGS: `${data_dir}/grafana/log`,
    GF_PATHS_PLUGINS: `${data_dir}/grafana/plugins`,
    GF_PATHS_PROVISIONING: `${ROOT}infra/grafana/provisioning`,
    GF_SERVER_HTTP_ADDR: LOOPBACK,
    GF_SERVER_HTTP_PORT: String(port),
    GF_LOG_MODE: "console",
    GF_LOG_LEVEL: "warn",
    GF_SECURITY_ADMIN_USER: "admin",
    GF_SECURITY_ADMIN_PASSWORD: passwords.admin,
    GF_AUTH_ANONYMOUS_ENABLED: "false",
    GF_USERS_ALLOW_SIGN_UP: "false",
    GF_ANALYTICS_REPORTING_ENABLED: "false",
    GF_ANALYTICS_CHECK_FOR_UPDATES: "false",
    GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: "false",
    GF_PLUGINS_PREINSTALL_DISABLED: "true",
    PROMETHEUS_URL: prometheus_url,
    JAEGER_URL: jaeger_url,
    POSTGRES_ADDRESS: `${database.hostname}:${database.port || "5432"}`,
    POSTGRES_DATABASE: decodeURIComponent(database.pathname.slice(1)),
    POSTGRES_SSLMODE: database.searchParams.get("sslmode") ?? "disable",
    POSTGRES_READER_PASSWORD: passwords.reader,
    BOARDS_DIR: `${ROOT}infra/generated/grafana/dashboards`,
  };
}

/**
 * Makes the role that Grafana reads the tables by, or gives it another password.
 *
 * @param database_url The database, as somebody who may make roles.
 * @param password The role's.
 */
export async function makeReader(database_url: string, password: string): Promise<void> {
  const database = openDatabase({
    url: database_url,
    application_name: "supervisor",
    pool_size: 1,
    statement_timeout_ms: STATEMENT_TIMEOUT_MS,
  });
  const roles = await Deno.readTextFile(`${ROOT}infra/postgres/roles.sql`);
  try {
    await database.transaction(async (transaction) => {
      await transaction`SELECT set_config('tapeline.reader_password', ${password}, true)`;
      await transaction.unsafe(roles);
    });
  } finally {
    await database.close();
  }
}

/** Where the password of Grafana's user admin is, in a file of mode 600. */
function adminPasswordPath(data_dir: string): string {
  return `${data_dir}/grafana/admin_password`;
}

/**
 * Starts Grafana.
 *
 * @param command Its program, as `findGrafana` finds it.
 * @param options Where and how.
 * @param sources What it is to show.
 * @returns Once it answers.
 * @throws StartFault if it does not start.
 */
export async function startGrafana(
  command: readonly string[],
  { data_dir, port, progress, stopping }: WatcherOptions,
  sources: GrafanaSources,
): Promise<LocalServer> {
  const passwords = { admin: await adminPassword(data_dir), reader: newPassword() };
  await makeReader(sources.database_url, passwords.reader).catch((error) =>
    // It shows all the rest.
    progress(
      `Grafana can't read the tables: no role tapeline_reader can be made (${error.message}). ` +
        "Let the owner of the database run infra/postgres/roles.sql",
    )
  );
  const server = await startLocalServer({
    name: "grafana",
    port,
    port_variable: "TAPELINE_GRAFANA_PORT",
    port_count: 1,
    ready_deadline_ms: READY_DEADLINE_MS,
    command: ([http_port]) =>
      Promise.resolve({
        name: "grafana",
        data_dir,
        command: [...command],
        env: grafanaEnvironment(data_dir, http_port!, sources, passwords),
        stop_signal: "SIGTERM",
        stop_deadline_ms: STOP_DEADLINE_MS,
      }),
    isReady: ([http_port]) => answers(`http://${LOOPBACK}:${http_port}/api/health`),
  }, stopping);
  progress(`grafana: the password of its user admin is in ${adminPasswordPath(data_dir)}`);
  return server;
}

/** Grafana keeps the first one that it is given, so it stays. */
async function adminPassword(data_dir: string): Promise<string> {
  const path = adminPasswordPath(data_dir);
  if (await exists(path)) return (await Deno.readTextFile(path)).trim();
  await Deno.mkdir(`${data_dir}/grafana`, { recursive: true });
  const password = newPassword();
  await writeAtomically(path, `${password}\n`, 0o600);
  return password;
}

function newPassword(): string {
  return crypto.getRandomValues(new Uint8Array(24)).toHex();
}
