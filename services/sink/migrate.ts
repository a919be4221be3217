/**
 * Brings a database's tables up to date: numbered SQL files, applied in order in one transaction
 * under a lock, each recorded with its checksum. A name that ends in .native.sql is for plain
 * Postgres, one in .timescaledb.sql for TimescaleDB; which of the two a database is stays as it was
 * when its first such file was applied.
 */
import type { Database } from "../../runtime/database.ts";
import { SetupError } from "../../runtime/setup_error.ts";

/** Where the files are. */
export const MIGRATIONS_DIRECTORY = new URL("../../infra/postgres/migrations/", import.meta.url);

/** What keeps the rows: native partitions, or TimescaleDB's hypertables. */
export type Flavour = "native" | "timescaledb";

/** One file. */
export interface Migration {
  version: number;
  name: string;
  /** Null: for every database. */
  flavour: Flavour | null;
  statements: string;
  /** SHA-256 of the file, hexadecimal. */
  checksum: string;
}

/** What was done. */
export interface MigrationResult {
  flavour: Flavour;
  /** Names of the files that were applied now. */
  applied: string[];
}

/** Runs SQL text (one statement or several) in a transaction that is open; gives the rows. */
export type RunSql = (statements: string) => Promise<readonly { [column: string]: unknown }[]>;

/** Any number: whoever migrates a database waits for it. */
const ADVISORY_LOCK = 7_202_114_601;

const FILE_NAME = /^(\d{4})_[a-z0-9_]+(?:\.(native|timescaledb))?\.sql$/;

/**
 * Reads the migration files.
 *
 * @param directory Where they are.
 * @returns In the order in which they are applied.
 * @throws Error that names a file whose name is not NNNN_name[.native|.timescaledb].sql.
 */
export async function readMigrations(directory: URL = MIGRATIONS_DIRECTORY): Promise<Migration[]> {
  const migrations: Migration[] = [];
  for await (const { name } of Deno.readDir(directory)) {
    const [, version, flavour] = FILE_NAME.exec(name) ?? [];
    if (version === undefined) {
      throw new Error(
        `Cannot read the migration ${name}: its name must be NNNN_name.sql, ` +
          "NNNN_name.native.sql or NNNN_name.timescaledb.sql",
      );
    }
    const bytes = await Deno.readFile(new URL(name, directory));
    migrations.push({
      version: Number(version),
      name,
      flavour: (flavour as Flavour | undefined) ?? null,
      statements: new TextDecoder().decode(bytes),
      checksum: new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex(),
    });
  }
  return migrations.sort((left, right) => left.name < right.name ? -1 : 1);
}

/**
 * Brings a database up to date. Several may call it at once: one does the work, the others wait and
 * find it done.
 *
 * @param database The database.
 * @param migrations What is to be there; the project's own files unless told.
 * @throws SetupError that names a file which was changed after it was applied, or which this release
 *   does not know; Error that names the file which failed. Nothing of this call's work is then kept.
 */
export async function migrate(
  database: Database,
  migrations?: readonly Migration[],
): Promise<MigrationResult> {
  const files = migrations ?? await readMigrations();
  return await database.transaction((transaction) =>
    applyMigrations((statements) => transaction.unsafe(statements), files)
  );
}

/**
 * The same within a transaction that the caller has opened and will commit.
 *
 * @param run Runs SQL in that transaction.
 * @param migrations What is to be there, in order.
 * @throws As `migrate`.
 */
export async function applyMigrations(
  run: RunSql,
  migrations: readonly Migration[],
): Promise<MigrationResult> {
  await run(`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK})`);
  await run(`CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
  )`);
  const rows = await run("SELECT name, checksum FROM schema_migrations ORDER BY name");
  const recorded = new Map(rows.map((row) => [String(row.name), String(row.checksum)]));
  refuseUnknown(recorded, migrations);

  let flavour = recordedFlavour(recorded.keys());
  const applied: string[] = [];
  for (const migration of migrations) {
    if (migration.flavour !== null) {
      flavour ??= await installedFlavour(run);
      if (migration.flavour !== flavour) continue;
    }
    const checksum = recorded.get(migration.name);
    if (checksum === migration.checksum) continue;
    if (checksum !== undefined) {
      throw new SetupError(
        `Cannot migrate the database as ${migration.name} was changed after it had been applied ` +
          `(checksum ${checksum.slice(0, 12)}… then, ${migration.checksum.slice(0, 12)}… now): ` +
          "restore the file, and put the change into a new one",
      );
    }
    try {
      await run(migration.statements);
    } catch (error) {
      throw new Error(
        `Cannot apply the migration ${migration.name}: ${(error as Error).message}`,
        { cause: error },
      );
    }
    await run(
      `INSERT INTO schema_migrations (name, checksum)
       VALUES ('${migration.name}', '${migration.checksum}')`,
    );
    applied.push(migration.name);
  }
  return { flavour: flavour ?? await installedFlavour(run), applied };
}

/** A newer release has been here: its tables may not be what this one thinks they are. */
function refuseUnknown(
  recorded: ReadonlyMap<string, string>,
  migrations: readonly Migration[],
): void {
  const known = new Set(migrations.map((migration) => migration.name));
  const unknown = [...recorded.keys()].filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new SetupError(
      `Cannot migrate the database as it holds migrations that this release does not know ` +
        `(${unknown.join(", ")}): run the release that applied them, or use another DATABASE_URL`,
    );
  }
}

function recordedFlavour(names: Iterable<string>): Flavour | null {
  for (const name of names) {
    const flavour = FILE_NAME.exec(name)?.[2];
    if (flavour !== undefined) return flavour as Flavour;
  }
  return null;
}

async function installedFlavour(run: RunSql): Promise<Flavour> {
  const installed = await run("SELECT FROM pg_extension WHERE extname = 'timescaledb'");
  return installed.length > 0 ? "timescaledb" : "native";
}
