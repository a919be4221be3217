/** Topics and tables: made before the services start, so that each finds what it reads. */
import type { Admin } from "kafkajs";
import { withDeadline } from "../../runtime/backoff.ts";
import { type Database, openDatabase } from "../../runtime/database.ts";
import { createKafka, ensureTopics, type KafkaOptions } from "../../runtime/kafka.ts";
import { openReader, type PartitionReader } from "../../runtime/kafka_reader.ts";
import type { Logger } from "../../runtime/log.ts";
import { migrate } from "../../services/sink/migrate.ts";
import { configuredTopics } from "../configured_topics.ts";
import type { LocalConfig } from "./config.ts";
import type { Servers } from "./servers.ts";
import { StartFault } from "./start_fault.ts";

const STATEMENT_TIMEOUT_MS = 60_000;
/** A database that was stopped for good is not waited for; one that migrates much data is. */
const MIGRATE_DEADLINE_MS = 30_000;
/** The living line needs one record of a partition, not megabytes of them. */
const LOOK_BYTES_MAX = 16_384;

/** The supervisor's own connections. */
export interface Connections extends AsyncDisposable {
  admin: Admin;
  reader: PartitionReader;
  database: Database;
  cluster_id: string;
  /** host:port of every broker. */
  brokers: string[];
}

/**
 * Connects to the servers, and makes what is missing.
 *
 * @param servers Where they are.
 * @param config Names, partitions and retention of topics.
 * @param log For the Kafka client.
 * @throws StartFault if a server can't be reached, or holds what this release can't work with.
 */
export async function prepareServers(
  servers: Omit<Servers, "monitor_url">,
  config: LocalConfig,
  log: Logger,
): Promise<Connections> {
  await using opened = new AsyncDisposableStack();
  const database = openDatabase({
    url: servers.database_url,
    application_name: "supervisor",
    pool_size: 1,
    statement_timeout_ms: STATEMENT_TIMEOUT_MS,
  });
  opened.defer(() => database.close());
  await prepareTables(database, servers.database_url);

  const options: KafkaOptions = {
    bootstrap_servers: servers.bootstrap_servers,
    client_id: "supervisor",
    log,
  };
  const kafka = createKafka(options);
  try {
    await ensureTopics(kafka, Object.values(configuredTopics(config)));
  } catch (error) {
    throw new StartFault(
      `Cannot make the topics at ${servers.bootstrap_servers}: ${(error as Error).message}`,
    );
  }
  const admin = kafka.admin();
  await admin.connect();
  opened.defer(() => admin.disconnect());
  const { clusterId, brokers } = await admin.describeCluster();
  const reader = await openReader(options, LOOK_BYTES_MAX);
  opened.defer(() => reader.close());
  const closing = opened.move();
  return {
    admin,
    reader,
    database,
    cluster_id: clusterId,
    brokers: brokers.map(({ host, port }) => `${host}:${port}`),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

async function prepareTables(database: Database, database_url: string): Promise<void> {
  try {
    await withDeadline(migrate(database), MIGRATE_DEADLINE_MS, "Reaching and migrating it");
  } catch (error) {
    const { host, pathname } = new URL(database_url);
    const reason = error instanceof AggregateError ? error.errors.join("; ") : error;
    throw new StartFault(
      `Cannot make the tables in the database ${pathname.slice(1)} at ${host}: ${
        reason instanceof Error ? reason.message : reason
      }. Start it or correct DATABASE_URL, or unset that to have a Postgres started here`,
    );
  }
}
