/** How long ticks are kept, by ingest time: TimescaleDB's own policy, or partitions that we drop. */
import { backoffDelay, sleep } from "../../runtime/backoff.ts";
import { answeredWithin, type Database } from "../../runtime/database.ts";
import { errorFields, type Logger } from "../../runtime/log.ts";
import type { Flavour, RunSql } from "./migrate.ts";
import { createTickPartitions, dropExpiredTicks } from "./tick_partitions.ts";
import { DAY_MS } from "./tick_slice.ts";

/** Between two looks at what has expired. */
const INTERVAL_MS = 3_600_000;
/** After a look that failed. */
const BACKOFF = { initial_ms: 5_000, max_ms: 300_000 };

/** What keeping needs. */
export interface RetentionOptions {
  database: Database;
  flavour: Flavour;
  retention_days: number;
  /** A look that takes longer hangs. */
  deadline_ms: number;
  log: Logger;
  stopping: AbortSignal;
  onError(error: unknown): void;
}

/**
 * Keeps the retention until the service stops: at once, and then every hour. Partitions of today and
 * tomorrow are made with it, so that midnight finds them.
 */
export async function keepRetention(options: RetentionOptions): Promise<void> {
  const { database, flavour, log, stopping } = options;
  const answered = <Result>(work: Promise<Result>): Promise<Result> =>
    answeredWithin(database, work, options.deadline_ms, "Dropping expired ticks");
  let is_told = flavour === "native";
  for (let failures = 0; !stopping.aborted;) {
    try {
      if (!is_told && await answered(isApacheLicensed((text) => database.sql.unsafe(text)))) {
        log.warn(
          "this TimescaleDB runs under the Apache licence: ticks are not compressed, and the sink " +
            "drops expired ones itself",
          { event: "timescaledb_apache" },
        );
      }
      is_told = true;
      const dropped = await answered(applyRetention(options, Date.now()));
      if (dropped.length > 0) log.info("expired ticks are dropped", { event: "expired", dropped });
      failures = 0;
    } catch (error) {
      if (stopping.aborted) return;
      options.onError(error);
      log.warn("expired ticks could not be dropped; trying again", errorFields(error));
      failures++;
    }
    await sleep(failures > 0 ? backoffDelay(BACKOFF, failures - 1) : INTERVAL_MS, stopping);
  }
}

/**
 * Does once what the retention asks for.
 *
 * @param options Where, and how many days are kept; today counts as one of them.
 * @param now_ms The time it is, ms since the epoch.
 * @returns Names of dropped partitions; none where TimescaleDB's policy drops them by itself.
 */
export async function applyRetention(
  { database, flavour, retention_days }: Pick<
    RetentionOptions,
    "database" | "flavour" | "retention_days"
  >,
  now_ms: number,
): Promise<string[]> {
  if (flavour === "timescaledb") {
    return await database.transaction((sql) =>
      keepHypertable((text) => sql.unsafe(text), retention_days)
    );
  }
  const today = Math.floor(now_ms / DAY_MS);
  await createTickPartitions(database).ensure([today, today + 1]);
  return await dropExpiredTicks(database, today - retention_days);
}

/**
 * Whether a TimescaleDB is the Apache-licensed build (its GUC `timescaledb.license`), which has
 * hypertables and `drop_chunks`, and neither compression nor policies.
 */
async function isApacheLicensed(run: RunSql): Promise<boolean> {
  const [found] = await run(
    "SELECT current_setting('timescaledb.license', true) = 'apache' AS apache",
  );
  return found?.apache === true;
}

/**
 * Keeps the retention of `ticks` as a hypertable: by a policy, or where the licence has none by
 * dropping chunks now.
 *
 * @param run Runs SQL in an open transaction.
 * @returns Names of dropped chunks; none where there is a policy.
 */
export async function keepHypertable(run: RunSql, retention_days: number): Promise<string[]> {
  if (!await isApacheLicensed(run)) {
    await setRetentionPolicy(run, retention_days);
    return [];
  }
  const dropped = await run(
    `SELECT drop_chunks('ticks', older_than => make_interval(days => ${retention_days})) AS chunk`,
  );
  return dropped.map(({ chunk }) => String(chunk));
}

/**
 * Gives TimescaleDB the retention policy of `ticks`, where it has none or another one.
 *
 * @param run Runs SQL in an open transaction.
 */
export async function setRetentionPolicy(run: RunSql, retention_days: number): Promise<void> {
  const interval = `make_interval(days => ${retention_days})`;
  const policies = await run(`
    SELECT (config->>'drop_after')::interval = ${interval} AS fits
    FROM timescaledb_information.jobs
    WHERE proc_name = 'policy_retention' AND hypertable_name = 'ticks'`);
  if (policies[0]?.fits === true) return;
  await run(`
    SELECT remove_retention_policy('ticks', if_exists => true);
    SELECT add_retention_policy('ticks', drop_after => ${interval})`);
}
