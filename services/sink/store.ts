/** One transaction: a slice's rows and the position after them, together or not at all. */
import type postgres from "postgres";
import { answeredWithin, type Database, serverError } from "../../runtime/database.ts";
import { CANDLE_COLUMNS } from "./candle_slice.ts";
import { copyLines } from "./copy.ts";
import type { PositionOwner } from "./position.ts";
import type { Slice } from "./slice.ts";
import type { STORE_FAULTS } from "./metrics.ts";
import { openStoreSpans } from "./store_spans.ts";
import { TICK_COLUMNS } from "./tick_slice.ts";

/** The position was not where this instance had left it: another one owns the partition. */
export class PositionMovedError extends Error {
  override name = "PositionMovedError";
}

/** Why a transaction did not come about. */
export type StoreFault = typeof STORE_FAULTS[number];

/** Data exceptions and violated constraints (PostgreSQL documentation, appendix A). */
const ROW_CLASSES = ["22", "23"];
/** The server has ended a statement, for it took longer than it may. */
const QUERY_CANCELED = "57014";
/** The server has no room to write to. */
const DISK_FULL = "53100";

/**
 * Tells a row that can't be stored from a database that is away, slow or out of room.
 *
 * @param error What `storeSlice` threw.
 */
export function storeFault(error: unknown): StoreFault {
  if (error instanceof PositionMovedError) return "position_moved";
  const refusal = serverError(error);
  if (refusal?.code === QUERY_CANCELED) return "too_slow";
  if (refusal?.code === DISK_FULL) return "disk_full";
  if (refusal === null || !ROW_CLASSES.includes(refusal.code.slice(0, 2))) return "database";
  // A row without a partition has a violated constraint's SQLSTATE too, but nothing is wrong with it.
  return refusal.routine === "ExecFindPartition" ? "partition_missing" : "row_refused";
}

const CANDLE_UPDATES = CANDLE_COLUMNS.split(", ").slice(4)
  .map((column) => `${column} = excluded.${column}`).join(", ");

/**
 * Stores a slice and moves the position from its `from` to its `to`.
 *
 * @param database The database.
 * @param owner Whose position.
 * @param slice The rows.
 * @param deadline_ms A transaction that takes longer hangs: its connection is cut.
 * @throws PositionMovedError where the position is not `from`; whatever the database or the
 *   connection threw otherwise. Nothing is stored then, unless the connection was lost during
 *   COMMIT: the position tells.
 */
export async function storeSlice(
  database: Database,
  owner: PositionOwner,
  slice: Slice,
  deadline_ms: number,
): Promise<void> {
  const spans = openStoreSpans(slice);
  const work = database.transaction(async (sql) => {
    // Rows first: a process that is frozen in the middle of a COPY holds no lock on the position.
    await spans.copy(async () => {
      if (slice.rows.records.length > 0) await writeRows(sql, slice);
      await movePosition(sql, owner, slice);
    });
    spans.beginCommit();
  });
  const doing = `Storing ${slice.rows.records.length} rows of ${slice.table}`;
  await spans.commit(answeredWithin(database, work, deadline_ms, doing));
}

async function writeRows(sql: postgres.TransactionSql, slice: Slice): Promise<void> {
  const { bytes } = slice.rows;
  if (slice.table === "ticks") {
    await copyLines(sql, `ticks (${TICK_COLUMNS})`, bytes);
    return;
  }
  await sql`
    CREATE TEMPORARY TABLE IF NOT EXISTS candle_batch (LIKE candles) ON COMMIT DELETE ROWS`;
  await copyLines(sql, `candle_batch (${CANDLE_COLUMNS})`, bytes);
  await sql.unsafe(
    `INSERT INTO candles (${CANDLE_COLUMNS}) SELECT ${CANDLE_COLUMNS} FROM candle_batch
     ON CONFLICT (source, symbol, interval, window_start) DO UPDATE SET ${CANDLE_UPDATES}`,
  );
}

async function movePosition(
  sql: postgres.TransactionSql,
  owner: PositionOwner,
  { topic, partition, from, to }: Slice,
): Promise<void> {
  const moved = await sql`
    UPDATE kafka_offsets SET next_offset = ${String(to)}
    WHERE consumer = ${owner.consumer} AND cluster_id = ${owner.cluster_id}
      AND topic = ${topic} AND partition = ${partition} AND next_offset = ${String(from)}`;
  if (moved.count !== 1) {
    throw new PositionMovedError(
      `${topic}/${partition} is not at offset ${from} any more: another instance has stored from ` +
        "there, or a COMMIT whose answer was lost",
    );
  }
}
