/** COPY over postgres.js, so that a COPY which the server refuses fails with the server's reason. */
import type { Writable } from "node:stream";
import type postgres from "postgres";

/**
 * Copies lines into a table.
 *
 * postgres.js takes a COPY's query for done as soon as the server asks for data, so that a later
 * refusal has nobody to go to and the stream never ends (its issue 1173). The refusal does reach the
 * query's own `reject` though, which is listened to here; where a release of postgres.js changes
 * that, the deadline of the caller still holds, and the test of refused rows goes red.
 *
 * @param sql An open transaction: a refused COPY must end with a rollback.
 * @param target The table and its columns: `ticks (source, …)`. Never from outside.
 * @param lines Rows in COPY's text format, each with its newline, in UTF-8.
 * @throws PostgresError with the server's SQLSTATE.
 */
export async function copyLines(
  sql: postgres.TransactionSql,
  target: string,
  lines: Uint8Array,
): Promise<void> {
  const query = sql.unsafe(`COPY ${target} FROM STDIN`);
  const stream: Writable = await query.writable();
  await new Promise<void>((resolve, reject) => {
    (query as unknown as { reject: (error: unknown) => void }).reject = reject;
    stream.on("error", reject);
    stream.on("finish", resolve);
    stream.end(lines);
  });
}
