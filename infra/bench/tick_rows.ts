/** The rows of `ticks`: as a file for psql, in a table for it, and what they must come to. */
import { addChecksum, CHECKSUM_MODULUS, TICK_HASH_SQL, tickHash } from "../../contract/ledger.ts";
import type { Database } from "../../runtime/database.ts";
import { openReader, readRange } from "../../runtime/kafka_reader.ts";
import { migrate, readMigrations } from "../../services/sink/migrate.ts";
import { testKafka, withDatabase } from "../../services/sink/sink_test_data.ts";
import { createTickPartitions } from "../../services/sink/tick_partitions.ts";
import { DAY_MS, TICK_COLUMNS, tickSlice } from "../../services/sink/tick_slice.ts";
import { type Child, startChild } from "./child.ts";
import { makeTicks, type TickShape } from "./tick_topic.ts";

/** Millions of rows take minutes to make, to copy and to write to disk. */
export const STATEMENT_TIMEOUT_MS = 600_000;

/** How many ticks, and the ledger's checksum of them. */
export interface TickSum {
  ticks: number;
  checksum: number;
}

/** What ticks come to in the ledger. */
export function sumOfTicks(shape: TickShape): TickSum {
  const sum = { ticks: 0, checksum: 0 };
  for (const tick of makeTicks(shape)) {
    sum.ticks++;
    sum.checksum = addChecksum(sum.checksum, tickHash(tick));
  }
  return sum;
}

/** The source of rows that were there before: they are no ticks of a benchmark. */
export const FILLER_SOURCE = "filler";

/** What the benchmark's rows of `ticks` come to. */
export async function sumOfRows({ sql }: Database): Promise<TickSum> {
  const [row] = await sql.unsafe<{ ticks: number; checksum: number }[]>(
    `SELECT count(*)::float8 AS ticks,
       (coalesce(sum(${TICK_HASH_SQL}), 0) % ${CHECKSUM_MODULUS})::float8 AS checksum FROM ticks
       WHERE source <> '${FILLER_SOURCE}'`,
  );
  return row!;
}

/**
 * Writes the rows that a sink would make of a topic as a file for COPY.
 *
 * @param bootstrap host:port of Kafka.
 * @param topic The tick topic.
 * @param path The file.
 */
export async function writeRows(bootstrap: string, topic: string, path: string): Promise<void> {
  const reader = await openReader(testKafka(bootstrap));
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const writer = file.writable.getWriter();
  try {
    const partitions = await reader.partitions(topic);
    for (let partition = 0; partition < partitions; partition++) {
      const { earliest, last_stable } = await reader.ends(topic, partition);
      for await (const records of readRange(reader, topic, partition, earliest, last_stable)) {
        const place = { topic, partition, from: earliest, to: last_stable };
        const { rows } = tickSlice(records as Parameters<typeof tickSlice>[0], place, Date.now());
        await writer.write(rows.bytes);
      }
    }
  } finally {
    await reader.close();
  }
}

/** Makes the tables as the sink makes them, with the partitions of yesterday, today and tomorrow. */
export async function makeTables(database_url: string): Promise<void> {
  await withDatabase(database_url, async (database) => {
    const { flavour } = await migrate(database, await readMigrations());
    if (flavour !== "native") return;
    const today = Math.floor(Date.now() / DAY_MS);
    await createTickPartitions(database).ensure([today - 1, today, today + 1]);
  });
}

/** Writes what earlier runs have left to do, so that none of them pays for another. */
export async function settle(database_url: string): Promise<void> {
  await withDatabase(database_url, ({ sql }) => sql`CHECKPOINT`, 1, STATEMENT_TIMEOUT_MS);
}

/** Starts psql's \copy of a file of rows into `ticks`, in one transaction. */
export function startCopy(database_url: string, path: string): Child {
  const url = new URL(database_url);
  const { password } = url;
  // Everybody can read a command line.
  url.password = "";
  const copy = `\\copy ticks (${TICK_COLUMNS}) from '${path}'`;
  const command = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", copy];
  return startChild([...command, url.href], `Copying ${path}`, {
    PGPASSWORD: decodeURIComponent(password),
  });
}

/** The version of the psql that is on PATH. */
export async function psqlVersion(): Promise<string> {
  try {
    const { stdout } = await new Deno.Command("psql", { args: ["--version"] }).output();
    return new TextDecoder().decode(stdout).trim();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      "There is no psql on PATH to be measured against: install PostgreSQL's client " +
        "(Debian: apt install postgresql-client)",
      { cause: error },
    );
  }
}
