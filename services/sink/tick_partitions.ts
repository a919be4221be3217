/** Partitions of `ticks` in plain Postgres: a day of ingest time each. */
import type { Database } from "../../runtime/database.ts";
import { DAY_MS } from "./tick_slice.ts";

/** The first day that has a partition of its own; what is older shares one (migration 0004). */
export const FIRST_DAY = Date.UTC(2025, 0, 1) / DAY_MS;

/** Any number: whoever makes or drops partitions waits for it. */
const ADVISORY_LOCK = 7_202_114_602;

/** Makes partitions as they are needed, and remembers those that are there. */
export interface TickPartitions {
  /**
   * Makes the partitions of some days that are not there yet; other sinks may do so at once.
   *
   * @param days Days since the epoch, UTC.
   */
  ensure(days: Iterable<number>): Promise<void>;
  /** Forgets which are there: after a row found none, since another sink drops old ones. */
  forget(): void;
}

/** Name and bounds of a day's partition. */
function partitionOfDay(day: number): { name: string; from: string; to: string } {
  const from = new Date(day * DAY_MS).toISOString();
  const to = new Date((day + 1) * DAY_MS).toISOString();
  return { name: `ticks_${from.slice(0, 10).replaceAll("-", "")}`, from, to };
}

/**
 * Makes a keeper of the partitions of `ticks`.
 *
 * @param database A database migrated for plain Postgres.
 */
export function createTickPartitions(database: Database): TickPartitions {
  const known = new Set<number>();
  return {
    async ensure(days) {
      const missing = [...days].filter((day) => day >= FIRST_DAY && !known.has(day));
      if (missing.length === 0) return;
      await database.transaction(async (sql) => {
        await sql`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK})`;
        for (const day of missing) {
          const { name, from, to } = partitionOfDay(day);
          const attached = await sql`
            SELECT FROM pg_inherits
            WHERE inhparent = 'ticks'::regclass AND inhrelid = to_regclass(${name})`;
          if (attached.length > 0) continue;
          // Made apart and attached: that lets others go on storing, PARTITION OF would stop them.
          await sql.unsafe(`CREATE TABLE ${name} (LIKE ticks);
            ALTER TABLE ticks ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}')`);
        }
      });
      for (const day of missing) known.add(day);
    },
    forget: () => known.clear(),
  };
}

/**
 * Drops the partitions of days that are past the retention, and empties the one of odd timestamps.
 * Only one sink does it at a time; one that finds another at it does nothing.
 *
 * @param first_day_kept Day since the epoch, UTC: older ones are dropped.
 * @returns Names of what was dropped or emptied.
 * @throws Error when a lock is not had within a second; it is tried again at the next time.
 */
export async function dropExpiredTicks(
  database: Database,
  first_day_kept: number,
): Promise<string[]> {
  return await database.transaction(async (sql) => {
    const [lock] = await sql<{ taken: boolean }[]>`
      SELECT pg_try_advisory_xact_lock(${ADVISORY_LOCK}) AS taken`;
    if (!lock?.taken) return [];
    // Whoever waits for a table's strongest lock stops all others: not for long.
    await sql`SET LOCAL lock_timeout = '1s'`;
    const partitions = await sql<{ name: string }[]>`
      SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
      WHERE inhparent = 'ticks'::regclass AND relname ~ '^ticks_[0-9]{8}$' ORDER BY relname`;
    const expired = partitions.map(({ name }) => name)
      .filter((name) => name < partitionOfDay(first_day_kept).name);
    for (const name of expired) await sql.unsafe(`DROP TABLE ${name}`);
    const odd = await sql`SELECT FROM ticks_before_2025 LIMIT 1`;
    if (odd.length > 0 && first_day_kept >= FIRST_DAY) {
      await sql`TRUNCATE ticks_before_2025`;
      expired.push("ticks_before_2025");
    }
    return expired;
  });
}
