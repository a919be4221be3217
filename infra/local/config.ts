/** What the local stack takes from the environment beside the services' own settings. */
import {
  type Config,
  ConfigError,
  type Environment,
  flag,
  hostAndPort,
  integer,
  list,
  readConfig,
  type SettingTable,
  url,
} from "../../runtime/config.ts";
import { KAFKA_SETTINGS, TOPIC_SETTINGS } from "../../runtime/settings.ts";
import { SETTINGS as AGGREGATOR } from "../../services/aggregator/config.ts";
import { SETTINGS as SINK } from "../../services/sink/config.ts";
import { SETTINGS as LEDGER } from "../ledger/config.ts";
import { environmentFaults } from "../service_command.ts";

const port = integer(1, 65_535);

/** The supervisor's settings. */
export const SETTINGS = {
  ...KAFKA_SETTINGS,
  ...TOPIC_SETTINGS,
  kafka_bootstrap_servers: {
    variable: "KAFKA_BOOTSTRAP_SERVERS",
    aliases: ["KAFKA_BROKERS"],
    doc: "Kafka to use, host:port parted by commas; where it is not set one is started here",
    parse: list(hostAndPort()),
  },
  database_url: {
    variable: "DATABASE_URL",
    doc: "Postgres or TimescaleDB to use; where it is not set a Postgres is started here",
    parse: url("postgres", "postgresql"),
    secret: true,
  },
  kafka_port: {
    variable: "TAPELINE_KAFKA_PORT",
    doc: "Port of the Kafka that is started here; not set: a free one",
    parse: port,
  },
  postgres_port: {
    variable: "TAPELINE_POSTGRES_PORT",
    doc: "Port of the Postgres that is started here; not set: a free one",
    parse: port,
  },
  supervisor_port: {
    variable: "TAPELINE_SUPERVISOR_PORT",
    default: "0",
    doc: "Port of the supervisor's own /health and /ready; 0 takes a free one",
    parse: integer(0, 65_535),
  },
  observe: {
    variable: "TAPELINE_OBSERVE",
    default: "true",
    doc: "Whether Prometheus, Alertmanager and the Postgres exporter are run too; they are built " +
      "once, in the background",
    parse: flag(),
  },
  prometheus_port: {
    variable: "TAPELINE_PROMETHEUS_PORT",
    doc: "Port of the Prometheus that is started here; not set: a free one",
    parse: port,
  },
  alertmanager_port: {
    variable: "TAPELINE_ALERTMANAGER_PORT",
    doc: "Port of the Alertmanager that is started here; not set: a free one",
    parse: port,
  },
  traces: {
    variable: "TAPELINE_TRACES",
    default: "false",
    doc: "Whether Jaeger is run too and the services send it their spans; --traces says the same",
    parse: flag(),
  },
  jaeger_port: {
    variable: "TAPELINE_JAEGER_PORT",
    doc: "Port of the Jaeger that is started here; not set: a free one",
    parse: port,
  },
  postgres_exporter_port: {
    variable: "TAPELINE_POSTGRES_EXPORTER_PORT",
    doc: "Port of the Postgres exporter that is started here; not set: a free one",
    parse: port,
  },
  grafana_port: {
    variable: "TAPELINE_GRAFANA_PORT",
    doc: "Port of the Grafana that is started where one is on PATH; not set: a free one",
    parse: port,
  },
  alert_webhook_url: {
    variable: "TAPELINE_ALERT_WEBHOOK_URL",
    doc: "Where Alertmanager posts alerts; not set: they are only shown",
    parse: url("http", "https"),
    secret: true,
  },
  aggregator_group: AGGREGATOR.consumer_group,
  sink_group: SINK.consumer_group,
} as const satisfies SettingTable;

export type LocalConfig = Config<typeof SETTINGS>;

/**
 * Reads the supervisor's settings, and checks everybody's.
 *
 * @param environment The whole environment, with what the options have set in it.
 * @throws ConfigError with every fault at once.
 */
export function readLocalConfig(environment: Environment): LocalConfig {
  const faults = environmentFaults(environment, [SETTINGS, LEDGER]);
  if (!["", "0"].includes(environment.TAPELINE_OPERATIONS_PORT ?? "")) {
    faults.push(
      "TAPELINE_OPERATIONS_PORT is set, and several services can't share one port: unset it, and " +
        "find the free-chosen ports in endpoints.json",
    );
  }
  try {
    const config = readConfig(SETTINGS, environment);
    if (faults.length === 0) return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    faults.push(...error.faults);
  }
  throw new ConfigError([...new Set(faults)]);
}

/** The environment of this process, as names and values. */
export function processEnvironment(): { [variable: string]: string } {
  return Deno.env.toObject();
}
