/**
 * How a service is run: its command with just the permissions that its configuration calls for,
 * and its environment. The supervisor is the only place that sees the whole environment, so a
 * misspelt variable is found here.
 */
import { resolve } from "node:path";
import {
  type Config,
  ConfigError,
  type Environment,
  readConfig,
  type SettingTable,
  unknownVariables,
  variablesOf,
} from "../runtime/config.ts";
import { PIPELINE, type ServiceName } from "../contract/pipeline.ts";
import type { SERVICE_SETTINGS } from "../runtime/settings.ts";
import { SETTINGS as AGGREGATOR } from "../services/aggregator/config.ts";
import { SETTINGS as LAG } from "../services/lag/config.ts";
import { SETTINGS as LEDGER } from "../services/ledger/config.ts";
import {
  checkConfig,
  type ProducerConfig,
  SETTINGS as PRODUCER,
} from "../services/producer/config.ts";
import { SETTINGS as SINK } from "../services/sink/config.ts";

const REPOSITORY = resolve(import.meta.dirname!, "..");

/** The values of a service's table, by name. */
type ServiceConfig = Config<typeof SERVICE_SETTINGS> & { readonly [name: string]: unknown };

/** What is to be known of a service beside its table. */
interface ServiceRow {
  settings: SettingTable;
  /** Checks what one setting asks of another; throws ConfigError. */
  check?: (config: ServiceConfig) => void;
  /** Settings that this configuration has no use for: what they name need not be reachable. */
  unused?: (config: ServiceConfig) => string[];
  /** Files and directories that it reads. */
  reads?: (config: ServiceConfig) => string[];
}

const SERVICES: { readonly [name in ServiceName]: ServiceRow } = {
  producer: {
    settings: PRODUCER,
    check: (config) => checkConfig(config as unknown as ProducerConfig),
    unused: (config) => {
      const { sources } = config as unknown as ProducerConfig;
      return [
        ...(sources.includes("finnhub") ? [] : ["finnhub_url"]),
        ...(sources.includes("http") ? [] : ["http_host"]),
        ...(sources.includes("replay") ? [] : ["replay_file"]),
      ];
    },
    reads: ({ replay_file }) => typeof replay_file === "string" ? [replay_file] : [],
  },
  aggregator: { settings: AGGREGATOR },
  sink: { settings: SINK, reads: () => [`${REPOSITORY}/infra/postgres/migrations`] },
  lag: { settings: LAG },
  ledger: { settings: LEDGER },
};

/** Every service's table: for README's list, and to know a misspelt variable. */
export const SERVICE_TABLES: readonly SettingTable[] = Object.values(SERVICES)
  .map(({ settings }) => settings);

/**
 * Variables that npm packages read for themselves as they are loaded: kafkajs, and postgres.js
 * where a URL leaves something out. They are readable, and none of them is passed on.
 */
const LIBRARY_VARIABLES = [
  "NODE_ENV",
  "NODE_DEBUG",
  "KAFKAJS_*",
  "PG*",
  "USERNAME",
  "USER",
  "LOGNAME",
];

/**
 * V8's room for what is young, in MB: the stages make millions of objects a second that live for a
 * moment, and from its own 1 to 16 MB many of them are copied before they are dead.
 */
const YOUNG_MB = 32;
const YOUNG_FLAGS =
  `--v8-flags=--min-semi-space-size=${YOUNG_MB},--max-semi-space-size=${YOUNG_MB}`;

/** What OpenTelemetry asks the system once tracing is on. */
const TRACING_SYSTEM = ["hostname", "osRelease", "uid"];

/** What Deno itself needs to find its cache; the service may not read them. */
const DENO_VARIABLES = ["HOME", "DENO_DIR", "XDG_CACHE_HOME", "PATH", "TMPDIR"];

/** A command and the environment it runs in; nothing else of ours is passed on. */
export interface ServiceCommand {
  name: ServiceName;
  command: string[];
  env: { [variable: string]: string };
}

/**
 * All that is wrong with the environment for the services, found before anything is started.
 *
 * @param environment The whole environment.
 * @param more_tables Tables of whoever else takes its settings from it.
 * @returns A line each; empty when nothing is wrong.
 */
export function environmentFaults(
  environment: Environment,
  more_tables: readonly SettingTable[] = [],
): string[] {
  const faults = unknownVariables([...SERVICE_TABLES, ...more_tables], environment);
  for (const { settings, check } of Object.values(SERVICES)) {
    try {
      const config = readConfig(settings, environment) as ServiceConfig;
      check?.(config);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      faults.push(...error.faults);
    }
  }
  // A setting that several services share is named once.
  return [...new Set(faults)];
}

/**
 * How a service is run.
 *
 * @param name Which service.
 * @param environment The environment that it takes its settings from.
 * @param brokers host:port of every Kafka broker, beside the bootstrap servers.
 * @throws ConfigError if its settings are wrong.
 */
export function serviceCommand(
  name: ServiceName,
  environment: Environment,
  brokers: readonly string[],
): ServiceCommand {
  const row = SERVICES[name];
  const config = readConfig(row.settings, environment) as ServiceConfig;
  const unused = new Set(row.unused?.(config) ?? []);
  const used = Object.fromEntries(
    Object.entries(config).filter(([setting]) => !unused.has(setting)),
  ) as ServiceConfig;
  const variables = variablesOf(row.settings);
  const tracing = used.trace_endpoint !== null;
  const permissions = [
    // A package below OpenTelemetry's SDK lists the whole environment, which no list of names
    // allows; the service's environment holds only what is passed on to it here.
    tracing ? ["--allow-env"] : allow("env", [...variables, ...LIBRARY_VARIABLES]),
    allow("net", [...netAddresses(used), ...brokers]),
    allow("read", (row.reads?.(used) ?? []).map((path) => resolve(path))),
    allow("sys", tracing ? TRACING_SYSTEM : []),
  ];
  return {
    name,
    command: [
      Deno.execPath(),
      "run",
      "--no-prompt",
      "--frozen",
      "--cached-only",
      ...(PIPELINE.some((stage) => stage.name === name) ? [YOUNG_FLAGS] : []),
      `--config=${REPOSITORY}/deno.json`,
      ...permissions.flat(),
      `${REPOSITORY}/services/${name}/main.ts`,
    ],
    env: passedOn([...variables, ...DENO_VARIABLES], environment),
  };
}

/**
 * The addresses that a configuration names: a URL's host and port are connected to, `x_host` with
 * `x_port` is listened on, and the Kafka servers are a list of their own.
 *
 * @param config Values by their settings' names.
 * @returns host:port, each once.
 */
export function netAddresses(config: { readonly [name: string]: unknown }): string[] {
  const addresses: string[] = [];
  for (const [name, value] of Object.entries(config)) {
    if (value instanceof URL) addresses.push(addressOf(value));
    else if (name === "kafka_bootstrap_servers") addresses.push(...value as string[]);
    else if (name.endsWith("_host")) {
      addresses.push(`${bracketed(String(value))}:${config[name.replace(/_host$/, "_port")]}`);
    }
  }
  return [...new Set(addresses)];
}

const DEFAULT_PORTS: { readonly [scheme: string]: number } = {
  "http:": 80,
  "https:": 443,
  "ws:": 80,
  "wss:": 443,
  "postgres:": 5432,
  "postgresql:": 5432,
};

function addressOf(url: URL): string {
  return `${url.hostname}:${url.port || DEFAULT_PORTS[url.protocol]}`;
}

function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** Without a value the flag would allow everything, so an empty list is no flag at all. */
function allow(kind: string, names: readonly string[]): string[] {
  const comma = names.find((name) => name.includes(","));
  if (comma !== undefined) {
    throw new ConfigError([
      `${JSON.stringify(comma)} holds a comma, which Deno's --allow-${kind} can't take: rename it`,
    ]);
  }
  return names.length === 0 ? [] : [`--allow-${kind}=${[...new Set(names)].join(",")}`];
}

function passedOn(
  variables: readonly string[],
  environment: Environment,
): { [variable: string]: string } {
  const env: { [variable: string]: string } = { NO_COLOR: "1" };
  for (const variable of variables) {
    const value = environment[variable];
    if (value !== undefined) env[variable] = value;
  }
  return env;
}
