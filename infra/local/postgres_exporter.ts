/** The exporter of Postgres' statistics, from the program of its Go module. */
import { LOOPBACK } from "./free_port.ts";
import { findGoTool, type GoTool } from "./go_tool.ts";
import { type LocalServer, startLocalServer } from "./local_server.ts";
import { answers, type WatcherOptions } from "./prometheus_server.ts";

const QUERIES_PATH = new URL(
  "../generated/postgres_exporter/queries.yml",
  import.meta.url,
).pathname;
const READY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 2_500;

/** Its program. */
export const POSTGRES_EXPORTER: GoTool = {
  name: "postgres_exporter",
  package_path: "github.com/prometheus-community/postgres_exporter/cmd/postgres_exporter",
};

/** What is asked beside our own queries; each of the others is a query at every scrape for nobody. */
const COLLECTORS: { readonly [name: string]: boolean } = {
  database: true,
  stat_database: true,
  stat_bgwriter: true,
  stat_checkpointer: true,
  locks: false,
  replication: false,
  replication_slot: false,
  roles: false,
  stat_user_tables: false,
  statio_user_tables: false,
  wal: false,
};

/** Limits of its sessions, so that no scrape hangs on a lock, nor changes anything. */
const SESSION_SETTINGS: { readonly [name: string]: string } = {
  application_name: "postgres_exporter",
  // Seconds; within a scrape's timeout of 4 s it is to say that Postgres takes no connection.
  connect_timeout: "2",
  statement_timeout: "2000",
  lock_timeout: "1000",
  default_transaction_read_only: "on",
};

/** What the exporter's Go client makes of modes that it does not know; it asks for TLS by itself. */
const SSL_MODES: { readonly [mode: string]: string } = { prefer: "require", allow: "disable" };

/**
 * Starts the exporter.
 *
 * @param options Where and how, and the URL of the database.
 * @returns Once it answers, whether or not Postgres does.
 * @throws StartFault if it can't be built, or does not start.
 */
export async function startPostgresExporter(
  options: WatcherOptions & { database_url: string },
): Promise<LocalServer> {
  const { data_dir, port, progress, stopping, database_url } = options;
  const program = await findGoTool(POSTGRES_EXPORTER, progress, stopping);
  return await startLocalServer({
    name: "postgres_exporter",
    port,
    port_variable: "TAPELINE_POSTGRES_EXPORTER_PORT",
    port_count: 1,
    ready_deadline_ms: READY_DEADLINE_MS,
    command: ([http_port]) =>
      Promise.resolve({
        name: "postgres_exporter",
        data_dir,
        command: [
          program,
          `--web.listen-address=${LOOPBACK}:${http_port}`,
          "--disable-default-metrics",
          "--disable-settings-metrics",
          `--extend.query-path=${QUERIES_PATH}`,
          ...Object.entries(COLLECTORS).map(([name, is_on]) =>
            `--${is_on ? "" : "no-"}collector.${name}`
          ),
          "--log.level=error",
        ],
        env: exporterEnvironment(database_url),
        stop_signal: "SIGTERM",
        stop_deadline_ms: STOP_DEADLINE_MS,
      }),
    isReady: ([http_port]) => answers(`http://${LOOPBACK}:${http_port}/`),
  }, stopping);
}

/**
 * The environment by which the exporter finds a database. User and password are apart from the URL,
 * which the exporter may write into its log. Pure.
 *
 * @param database_url The URL as our services take it.
 */
export function exporterEnvironment(database_url: string): { [variable: string]: string } {
  const url = new URL(database_url);
  const credentials = {
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
  url.username = "";
  url.password = "";
  for (const name of ["user", "password"] as const) {
    credentials[name] = url.searchParams.get(name) ?? credentials[name];
    url.searchParams.delete(name);
  }
  const ssl_mode = url.searchParams.get("sslmode") ?? "disable";
  url.searchParams.set("sslmode", SSL_MODES[ssl_mode] ?? ssl_mode);
  for (const [name, value] of Object.entries(SESSION_SETTINGS)) url.searchParams.set(name, value);
  return {
    // A comma would part it into two.
    DATA_SOURCE_NAME: url.href.replaceAll(",", "%2C"),
    PGUSER: credentials.user,
    PGPASSWORD: credentials.password,
  };
}
