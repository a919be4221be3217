import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { withServers } from "../../infra/local/test_servers.ts";
import { migrate, type Migration, readMigrations } from "./migrate.ts";
import { applyRetention } from "./retention.ts";
import {
  countTicks,
  someTicks,
  startPosition,
  tickMessages,
  withDatabase,
} from "./sink_test_data.ts";
import { storeFault, storeSlice } from "./store.ts";
import { createTickPartitions } from "./tick_partitions.ts";
import { DAY_MS, tickSlice } from "./tick_slice.ts";
import type { Database } from "../../runtime/database.ts";

const NOW = Date.UTC(2026, 5, 15, 12);
const TODAY = Math.floor(NOW / DAY_MS);

async function tableNames({ sql }: Database): Promise<string[]> {
  const tables = await sql<{ name: string }[]>`
    SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = 'public' ORDER BY table_name`;
  return tables.map(({ name }) => name);
}

function migration(version: number, statements: string): Migration {
  const name = `${String(version).padStart(4, "0")}_test.sql`;
  return { version, name, flavour: null, statements, checksum: `${version}${statements}` };
}

/** Stores one tick for each time of ingest. */
async function storeAt(database: Database, times_ms: readonly number[]): Promise<void> {
  const owner = await startPosition(database);
  const records = tickMessages(someTicks(times_ms.length))
    .map((record, index) => ({ ...record, timestamp: String(times_ms[index]) }));
  const place = { topic: "ticks", partition: 0, from: 0n, to: BigInt(times_ms.length) };
  const slice = tickSlice(records, place, NOW);
  deepStrictEqual(slice.refused, []);
  await createTickPartitions(database).ensure(slice.ingest_days);
  await storeSlice(database, owner, slice, 10_000);
}

Deno.test("tables of a real Postgres", async (test) => {
  await withServers({ postgres: true }, async (servers) => {
    await test.step("are made once, also by five at once", async () => {
      const url = await servers.newDatabase();
      const results = await Promise.all(
        Array.from({ length: 5 }, () => withDatabase(url, (database) => migrate(database))),
      );
      const files = (await readMigrations()).filter(({ flavour }) => flavour !== "timescaledb");
      strictEqual(results.filter(({ applied }) => applied.length > 0).length, 1);
      strictEqual(Math.max(...results.map(({ applied }) => applied.length)), files.length);
      deepStrictEqual(await withDatabase(url, migrate), { flavour: "native", applied: [] });
      await withDatabase(url, async (database) =>
        deepStrictEqual(await tableNames(database), [
          "candles",
          "kafka_offsets",
          "schema_migrations",
          "ticks",
          "ticks_before_2025",
        ]));
    });

    await test.step("a file that fails is named, and leaves nothing behind", async () => {
      await withDatabase(await servers.newDatabase(), async (database) => {
        const files = [migration(1, "CREATE TABLE one (a int)"), migration(2, "CREATE TABEL two")];
        await rejects(
          migrate(database, files),
          /Cannot apply the migration 0002_test.sql: .*TABEL/,
        );
        deepStrictEqual(await tableNames(database), []);
        const mended = [files[0]!, migration(2, "CREATE TABLE two (a int)")];
        deepStrictEqual((await migrate(database, mended)).applied.length, 2);
      });
    });

    await test.step("a file that was changed, or is gone, is refused", async () => {
      await withDatabase(await servers.newDatabase(), async (database) => {
        const one = migration(1, "CREATE TABLE one (a int)");
        await migrate(database, [one]);
        const changed = migration(1, "CREATE TABLE one (a bigint)");
        await rejects(migrate(database, [changed]), /0001_test.sql was changed after/);
        await rejects(migrate(database, []), /does not know \(0001_test.sql\)/);
        deepStrictEqual((await migrate(database, [one])).applied, []);
      });
    });

    await test.step("partitions are made as days need them, by several at once too", async () => {
      const url = await servers.newDatabase();
      await withDatabase(url, migrate);
      const days = [TODAY, TODAY - 1, TODAY + 1, Math.floor(Date.UTC(2024, 11, 31) / DAY_MS), -1];
      await Promise.all(
        Array.from(
          { length: 4 },
          () => withDatabase(url, (database) => createTickPartitions(database).ensure(days)),
        ),
      );
      await withDatabase(url, async (database) => {
        deepStrictEqual((await tableNames(database)).filter((name) => /^ticks_/.test(name)), [
          "ticks_20260614",
          "ticks_20260615",
          "ticks_20260616",
          "ticks_before_2025",
        ]);
        const midnight = TODAY * DAY_MS;
        await storeAt(database, [-1, Date.UTC(2025) - 1, midnight - 1, midnight, NOW]);
        const rows = await database.sql`
          SELECT tableoid::regclass::text AS name, count(*)::int AS rows FROM ticks
          GROUP BY 1 ORDER BY 1`;
        deepStrictEqual([...rows], [
          { name: "ticks_20260614", rows: 1 },
          { name: "ticks_20260615", rows: 2 },
          { name: "ticks_before_2025", rows: 2 },
        ]);
      });
    });

    await test.step("a new partition has the indexes, and others store meanwhile", async () => {
      const url = await servers.newDatabase();
      await withDatabase(url, async (database) => {
        await migrate(database);
        await storeAt(database, [NOW]);
        await withDatabase(url, (other) =>
          // Whoever holds rows of one day must not stop the next day's partition.
          other.transaction(async (sql) => {
            await sql`UPDATE ticks SET volume = 2`;
            await createTickPartitions(database).ensure([TODAY + 1]);
          }));
        const indexes = await database.sql`
          SELECT indexdef FROM pg_indexes WHERE tablename = 'ticks_20260616' ORDER BY indexdef`;
        strictEqual(indexes.length, 2);
        strictEqual(
          indexes.some(({ indexdef }) => indexdef.includes("(symbol, event_time)")),
          true,
        );
        strictEqual(indexes.some(({ indexdef }) => indexdef.includes("brin (ingest_time)")), true);
      });
    });

    await test.step("days past the retention are dropped, by one at a time", async () => {
      const url = await servers.newDatabase();
      await withDatabase(url, async (database) => {
        await migrate(database);
        await storeAt(database, [0, NOW - 8 * DAY_MS, NOW - 7 * DAY_MS, NOW - DAY_MS, NOW]);
        const retention = { flavour: "native", retention_days: 7 } as const;
        const dropped = await Promise.all([
          applyRetention({ ...retention, database }, NOW),
          withDatabase(url, (other) => applyRetention({ ...retention, database: other }, NOW)),
        ]);
        deepStrictEqual([...new Set(dropped.flat())].sort(), [
          "ticks_20260607",
          "ticks_before_2025",
        ]);
        strictEqual((await countTicks(database)).rows, 3);
        deepStrictEqual(await applyRetention({ ...retention, database }, NOW), []);
      });
    });

    await test.step("an expiry that would stop others for long gives up", async () => {
      const url = await servers.newDatabase();
      await withDatabase(url, async (database) => {
        await migrate(database);
        await storeAt(database, [NOW - 8 * DAY_MS, NOW]);
        await withDatabase(url, (other) =>
          other.transaction(async (sql) => {
            await sql`SELECT count(*) FROM ticks`;
            await rejects(
              applyRetention({ database, flavour: "native", retention_days: 7 }, NOW),
              /lock timeout/,
            );
          }));
        strictEqual((await countTicks(database)).rows, 2);
      });
    });

    await test.step("rows of a day that another sink has dropped find a partition again", async () => {
      await withDatabase(await servers.newDatabase(), async (database) => {
        await migrate(database);
        const partitions = createTickPartitions(database);
        await partitions.ensure([TODAY]);
        await database.sql`DROP TABLE ticks_20260615`;
        const owner = await startPosition(database);
        const records = tickMessages(someTicks(1)).map((record) => ({
          ...record,
          timestamp: String(NOW),
        }));
        const slice = tickSlice(records, { topic: "ticks", partition: 0, from: 0n, to: 1n }, NOW);
        await partitions.ensure(slice.ingest_days);
        await rejects(
          storeSlice(database, owner, slice, 10_000),
          (error) => storeFault(error) === "partition_missing",
        );
        partitions.forget();
        await partitions.ensure(slice.ingest_days);
        await storeSlice(database, owner, slice, 10_000);
      });
    });
  });
});
