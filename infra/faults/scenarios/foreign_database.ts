/** Fault 7: a sink whose database belongs to another Kafka cluster, or to a topic that was longer. */
import { type Database, openDatabase } from "../../../runtime/database.ts";
import { EXIT_CONFIG } from "../../../runtime/service.ts";
import { migrate } from "../../../services/sink/migrate.ts";
import { withService } from "../../testing/test_service.ts";
import type { Platform } from "../platform.ts";
import type { Scenario, Scene } from "../scenario.ts";

/** What the database remembers, and what the sink must say of it. */
interface Foreign {
  cluster_id: string;
  next_offset: bigint;
  says: RegExp;
}

const STATEMENT_TIMEOUT_MS = 30_000;

async function remember(
  database: Database,
  { config }: Platform,
  partition: number,
  { cluster_id, next_offset }: Foreign,
): Promise<void> {
  await database.sql`truncate kafka_offsets`;
  await database.sql`
    insert into kafka_offsets (consumer, cluster_id, topic, partition, next_offset)
    values (${config.sink_group}, ${cluster_id}, ${config.tick_topic}, ${partition},
      ${String(next_offset)})`;
}

/** Starts a sink on the database: it must end by itself, for good, and leave everything as it is. */
async function assertRefused(
  { direct }: Platform,
  database: Database,
  database_url: string,
  { says, next_offset, cluster_id }: Foreign,
): Promise<void> {
  const environment = { ...direct, DATABASE_URL: database_url };
  await withService("sink", environment, async (sink) => {
    const code = await sink.ended();
    if (code !== EXIT_CONFIG) throw new Error(`It ended with ${code} instead of ${EXIT_CONFIG}`);
    const { error } = await sink.line(({ event }) => event === "failed");
    if (!says.test(String(error))) throw new Error(`It said: ${error}`);
  });
  const { sql } = database;
  const [found] = await sql`
    select (select count(*) from ticks)::float8 as ticks,
      (select count(*) from candles)::float8 as candles,
      (select string_agg(cluster_id || ' ' || next_offset, ', ') from kafka_offsets) as positions`;
  const positions = `${cluster_id} ${next_offset}`;
  if (found!.ticks + found!.candles > 0 || found!.positions !== positions) {
    throw new Error(`The refused sink has left ${JSON.stringify(found)}, with ${positions} before`);
  }
}

async function refuseForeign({ platform, watch, chance }: Scene): Promise<number> {
  const { servers, connections: { reader, cluster_id }, config } = platform;
  const partition = chance.between(0, config.tick_partitions - 1);
  const { last_stable } = await reader.ends(config.tick_topic, partition);
  const foreign: Foreign[] = [
    {
      cluster_id: "elsewhere",
      next_offset: last_stable / 2n,
      says: /cluster elsewhere.*DATABASE_URL/,
    },
    // The load goes on while the sink starts.
    { cluster_id, next_offset: last_stable + 10_000_000n, says: /topic ends at.*DATABASE_URL/ },
  ];
  const database_url = await servers.postgres.createDatabase("foreign_other");
  const database = openDatabase({
    url: database_url,
    application_name: "foreign",
    pool_size: 1,
    statement_timeout_ms: STATEMENT_TIMEOUT_MS,
  });
  try {
    await migrate(database);
    for (const each of foreign) {
      await remember(database, platform, partition, each);
      await assertRefused(platform, database, database_url, each);
      await watch.moves(1, STATEMENT_TIMEOUT_MS);
    }
  } finally {
    await database.close();
  }
  return foreign.length;
}

export const SCENARIOS: readonly Scenario[] = [
  { name: "foreign-database", fault: 7, inject: refuseForeign },
];
