/** The sink's parts, put together in the order in which they depend on each other. */
import { backoffDelay, sleep } from "../../runtime/backoff.ts";
import { answeredWithin, type Database, isPassing, openDatabase } from "../../runtime/database.ts";
import { createKafka } from "../../runtime/kafka.ts";
import { openReader } from "../../runtime/kafka_reader.ts";
import { openSender } from "../../runtime/kafka_sender.ts";
import { errorFields } from "../../runtime/log.ts";
import type { RunningWork, ServiceContext } from "../../runtime/service.ts";
import { watchForStuck } from "../../runtime/stuck.ts";
import { SetupError } from "../../runtime/setup_error.ts";
import type { SETTINGS } from "./config.ts";
import { startConsumer } from "./consume.ts";
import type { METRICS } from "./metrics.ts";
import { migrate, type MigrationResult, readMigrations } from "./migrate.ts";
import { checkPositions, type PositionOwner } from "./position.ts";
import { keepRetention } from "./retention.ts";
import { STAGE } from "./slice.ts";
import { storeFault } from "./store.ts";
import { createTickPartitions } from "./tick_partitions.ts";

/** What the sink needs of its service. */
export type SinkContext = ServiceContext<typeof SETTINGS, typeof METRICS>;

/** Beside a connection for each partition stored at once: positions, the retention, the watch. */
const OTHER_CONNECTIONS = 3;
/** A transaction may take this much longer than its longest statement. */
const STORE_MARGIN_MS = 5_000;
/** Work of many statements (migrations, what has expired, all positions): so much longer than one. */
const MANY_MARGIN_MS = 60_000;
/** Each statement has its own timeout; several over large tables may need long. */
const MIGRATE_DEADLINE_MS = 1_800_000;
const MIGRATE_BACKOFF = { initial_ms: 100, max_ms: 5_000 };

/**
 * Starts the sink: brings the tables up to date, checks that database and topics belong together,
 * joins the group.
 *
 * @throws Error where the database can't be used, or belongs to another Kafka cluster.
 */
export async function startSink(context: SinkContext): Promise<RunningWork> {
  const { config, log, metrics, stopping, fail } = context;
  const pool_size = config.partitions_concurrent + OTHER_CONNECTIONS;
  metrics.pool_size.set(pool_size);
  const database = openDatabase({
    url: config.database_url,
    application_name: `tapeline-${STAGE}`,
    pool_size,
    statement_timeout_ms: config.statement_timeout_ms,
    onUse({ connections, transactions }) {
      metrics.pool_connections.set(connections);
      metrics.pool_transactions.set(transactions);
    },
  });
  const { flavour } = await migrateWhenThere(context, database);
  const kafka_options = {
    bootstrap_servers: config.kafka_bootstrap_servers,
    client_id: STAGE,
    log,
  };
  const kafka = createKafka(kafka_options);
  const reader = await openReader(kafka_options);
  const owner = { consumer: config.consumer_group, cluster_id: await clusterId(kafka) };
  await answeredWithin(
    database,
    checkPositions(database, reader, owner, [config.tick_topic, config.candle_topic]),
    config.statement_timeout_ms + MANY_MARGIN_MS,
    "Checking the positions",
  );
  const retention = keepRetention({
    database,
    flavour,
    retention_days: config.tick_retention_days,
    deadline_ms: config.statement_timeout_ms + MANY_MARGIN_MS,
    log,
    stopping,
    onError: () => metrics.errors.inc({ kind: "retention" }),
  });
  const sender = await openSender(kafka, config.kafka_compression);
  const trouble = new Map<string, string>();
  const store_deadline_ms = config.statement_timeout_ms + STORE_MARGIN_MS;
  const consumer = await startConsumer({
    ...config,
    kafka,
    reader,
    writer: {
      database,
      owner,
      tick_partitions: flavour === "native" ? createTickPartitions(database) : null,
      sender,
      dead_letter_topic: config.dead_letter_topic,
      store_deadline_ms,
      metrics,
      log,
      trouble,
    },
    stopping,
    fail,
  });

  const watch = watchForStuck({
    // A transaction may take as long as it is allowed to, and moves nothing meanwhile.
    stuck_after_ms: Math.max(config.stuck_after_ms, store_deadline_ms + STORE_MARGIN_MS),
    group: config.consumer_group,
    topic: config.tick_topic,
    reader,
    membership: consumer.membership,
    positions: () =>
      answeredWithin(
        database,
        storedPositions(database, owner),
        store_deadline_ms,
        "Reading the positions",
      ),
    isTroubled: () => trouble.size > 0 || sender.isStuck(),
    log,
    stopping,
    onStuck(error) {
      metrics.errors.inc({ kind: "stuck" });
      fail(error);
    },
  });

  return {
    readiness() {
      const reasons = consumer.faults();
      if (sender.isStuck()) reasons.push(`${config.dead_letter_topic} takes no dead letters`);
      return { ready: reasons.length === 0, reasons };
    },
    async stop() {
      await consumer.stop();
      await retention;
      await watch;
      await sender.close();
      await reader.close();
      await database.close();
    },
  };
}

/** Migrates as soon as the database is there. */
async function migrateWhenThere(
  { log, metrics, stopping }: SinkContext,
  database: Database,
): Promise<MigrationResult> {
  const migrations = await readMigrations();
  for (let attempt = 0;; attempt++) {
    try {
      const result = await answeredWithin(
        database,
        migrate(database, migrations),
        MIGRATE_DEADLINE_MS,
        "Bringing the tables up to date",
      );
      if (result.applied.length > 0) log.info("the tables are up to date", { ...result });
      return result;
    } catch (error) {
      if (error instanceof SetupError || !isPassing(error) || stopping.aborted) throw error;
      metrics.errors.inc({ kind: storeFault(error) });
      if (attempt === 0) log.warn("the database is away; waiting for it", errorFields(error));
      await sleep(backoffDelay(MIGRATE_BACKOFF, attempt), stopping);
    }
  }
}

/** Where the database says that we go on, by `topic/partition`. */
async function storedPositions(
  { sql }: Database,
  { consumer, cluster_id }: PositionOwner,
): Promise<ReadonlyMap<string, bigint>> {
  const rows = await sql<{ place: string; next_offset: string }[]>`
    SELECT topic || '/' || partition AS place, next_offset FROM kafka_offsets
    WHERE consumer = ${consumer} AND cluster_id = ${cluster_id}`;
  return new Map(rows.map(({ place, next_offset }) => [place, BigInt(next_offset)]));
}

async function clusterId(kafka: ReturnType<typeof createKafka>): Promise<string> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return (await admin.describeCluster()).clusterId;
  } finally {
    await admin.disconnect();
  }
}
