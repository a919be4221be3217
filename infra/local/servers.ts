/** Kafka and Postgres for the stack: those that are given, or else started here. */
import type { LocalConfig } from "./config.ts";
import type { ScrapeTarget } from "./endpoints.ts";
import { answersKafka, startKafka } from "./kafka_server.ts";
import { keepServer } from "./kept_server.ts";
import type { LocalServer } from "./local_server.ts";
import { createStatus, type Part, type PartStatus, plainStatus } from "./part.ts";
import { startPostgres } from "./postgres_server.ts";
import { StartFault } from "./start_fault.ts";

/** The servers that the services use. */
export interface Servers {
  bootstrap_servers: readonly string[];
  /** With the password. */
  database_url: string;
  /** For whoever looks at its statistics: by a role of its own where the server is started here. */
  monitor_url: string;
  parts: Part[];
  /** Those that show metrics. */
  targets(): ScrapeTarget[];
}

/** What starting them needs. */
export interface ServersOptions {
  data_dir: string;
  config: LocalConfig;
  /** Whether Prometheus is to watch them. */
  observed: boolean;
  /** Told when one has been started again: its metrics are elsewhere then. */
  onRestarted(): void;
  /** Shown to the person at the keyboard. */
  show(line: string): void;
  stopping: AbortSignal;
}

/**
 * Starts the servers that are not given, both at once.
 *
 * @param options What is given, and where data goes.
 * @returns Once both take requests.
 * @throws StartFault if one does not; nothing is left running then.
 */
export async function openServers(options: ServersOptions): Promise<Servers> {
  const { data_dir, config, observed, onRestarted, show, stopping } = options;
  const { kafka_bootstrap_servers, kafka_port, database_url, postgres_port } = config;
  const [kafka, postgres] = await Promise.allSettled([
    kafka_bootstrap_servers === null
      ? startKafka({ data_dir, port: kafka_port, observed, progress: show, stopping })
      : givenKafka(kafka_bootstrap_servers),
    database_url === null ? startPostgres({ data_dir, port: postgres_port, stopping }) : null,
  ]);
  if (kafka.status === "rejected" || postgres.status === "rejected") {
    await Promise.all([kafka, postgres].map(stopIfStarted));
    throw kafka.status === "rejected" ? kafka.reason : (postgres as PromiseRejectedResult).reason;
  }
  return {
    bootstrap_servers: kafka.value === null
      ? kafka_bootstrap_servers ?? []
      : [kafka.value.bootstrap],
    database_url: postgres.value === null ? String(database_url) : postgres.value.database_url,
    monitor_url: postgres.value === null ? String(database_url) : postgres.value.monitor_url,
    parts: [
      kafka.value === null
        ? givenPart("kafka")
        : keepServer(kafka.value, data_dir, show, onRestarted),
      postgres.value === null ? givenPart("postgres") : keepServer(postgres.value, data_dir, show),
    ],
    targets() {
      const operations_url = kafka.value?.metrics_url() ?? null;
      return operations_url === null ? [] : [{ service: "kafka", operations_url }];
    },
  };
}

async function stopIfStarted(outcome: PromiseSettledResult<LocalServer | null>): Promise<void> {
  if (outcome.status === "fulfilled") await outcome.value?.stop();
}

/** One that answers is enough: the clients learn of the others from it. */
async function givenKafka(bootstrap_servers: readonly string[]): Promise<null> {
  for (const address of bootstrap_servers) {
    const { hostname, port } = new URL(`kafka://${address}`);
    if (await answersKafka(hostname.replace(/^\[|\]$/g, ""), Number(port))) return null;
  }
  throw new StartFault(
    `Cannot reach Kafka at ${bootstrap_servers.join(",")}, which KAFKA_BOOTSTRAP_SERVERS names. ` +
      "Start it, correct the variable, or unset it to have a Kafka started here",
  );
}

function givenPart(name: string): Part {
  const status = createStatus(name);
  status.become("given");
  return { status: (): PartStatus => plainStatus(status), stop: () => Promise.resolve() };
}
