/** The ledger's last column: what the sink has stored, counted by Postgres from the rows. */
import type { Database } from "../../runtime/database.ts";
import { TICK_HASH_SQL } from "../../contract/ledger.ts";
import type { DoubledRow } from "./judge.ts";
import type { Tally } from "./tally.ts";

/** Whose position counts. */
export interface SinkIdentity {
  /** `kafka_offsets.consumer`: the sink's consumer group. */
  consumer: string;
  cluster_id: string;
  topic: string;
}

/** What the database says, all of it as of one moment. */
export interface Stored {
  /** Next offset by partition. */
  positions: Map<number, number>;
  /** By partition and minute of ingest_time. */
  minutes: Map<number, Map<number, Tally>>;
  /** At most 20. */
  doubled: DoubledRow[];
}

// The sums are below 2^52, so a double holds them exactly; bigint would come as text.
const minutesSql = (where: string): string => `
  select kafka_partition as partition, (extract(epoch from minute) * 1000)::float8 as minute,
    count::float8 as count, checksum::float8 as checksum
  from (
    select kafka_partition, date_trunc('minute', ingest_time, 'UTC') as minute, count(*) as count,
      sum(${TICK_HASH_SQL}) % 4503599627370496 as checksum
    from ticks ${where} group by 1, 2
  ) as counted`;

const doubledSql = (where: string): string => `
  select kafka_partition as partition, kafka_offset::text as offset, count(*)::float8 as rows
  from ticks ${where} group by kafka_partition, kafka_offset having count(*) > 1
  order by kafka_partition, kafka_offset limit 20`;

/**
 * For groups in memory: with Postgres' own 4 MB each row is sorted on disk. Of more rows than fit, as
 * a day's, the groups go to disk by themselves.
 */
const WORK_MEMORY = "64MB";

/** Postgres' code for a table that is not there. */
const UNDEFINED_TABLE = "42P01";

/**
 * Counts the rows. Positions and rows come from one snapshot, so they belong together.
 *
 * @param database The database.
 * @param sink Whose position.
 * @param from_minute Rows from this minute on, ms since the epoch; null: all.
 * @param leaves_room Takes one core at most: the stages need theirs.
 * @throws Error that says what to do where there is no such server, or its tables are not there.
 */
export async function readStored(
  database: Database,
  sink: SinkIdentity,
  from_minute: number | null = null,
  leaves_room = false,
): Promise<Stored> {
  // A number of ours: nothing of it comes from outside.
  const where = from_minute === null
    ? ""
    : `where ingest_time >= to_timestamp(${from_minute / 1_000})`;
  try {
    return await database.transaction(async (sql) => {
      await sql`set transaction isolation level repeatable read read only`;
      await sql.unsafe(`set local work_mem = '${WORK_MEMORY}'`);
      if (leaves_room) await sql`set local max_parallel_workers_per_gather = 0`;
      const positions = await sql<{ partition: number; next_offset: number }[]>`
        select partition, next_offset::float8 as next_offset from kafka_offsets
        where consumer = ${sink.consumer} and cluster_id = ${sink.cluster_id}
          and topic = ${sink.topic}`;
      const counted = await sql.unsafe<({ partition: number; minute: number } & Tally)[]>(
        minutesSql(where),
      );
      const doubled = await sql.unsafe<DoubledRow[]>(doubledSql(where));
      const minutes = new Map<number, Map<number, Tally>>();
      for (const { partition, minute, count, checksum } of counted) {
        let of_partition = minutes.get(partition);
        if (!of_partition) minutes.set(partition, of_partition = new Map());
        of_partition.set(minute, { count, checksum });
      }
      return {
        positions: new Map(positions.map((row) => [row.partition, row.next_offset])),
        minutes,
        doubled: doubled.map(({ partition, offset, rows }) => ({ partition, offset, rows })),
      };
    });
  } catch (error) {
    const missing = (error as { code?: string }).code === UNDEFINED_TABLE;
    throw new Error(
      `Cannot count what is stored in Postgres: ${(error as Error).message}. ` +
        (missing
          ? "The sink makes the tables at its first start (deno task start)"
          : "Start it (deno task start), or name another by DATABASE_URL"),
      { cause: error },
    );
  }
}
