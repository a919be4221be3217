import { ok, strictEqual } from "node:assert/strict";
import { type RunningStart, runStart } from "../local/test_start.ts";
import { withTestDirectory } from "../local/test_servers.ts";
import { openDatabase } from "../../runtime/database.ts";
import { eventually } from "../testing/test_service.ts";
import { stopRun } from "./whole_run.ts";

/** From the command to the first candle in the database, where everything is installed. */
const FIRST_CANDLE_MS_MAX = 15_000;

Deno.test("proof: the first candle is there 15 s after the command, and a second copy runs beside the first", async () => {
  await withTestDirectory(async (directory) => {
    const started_at_ms = performance.now();
    const first = runStart(`${directory}/first`, [], { NO_COLOR: "1" });
    try {
      await candlesIn(first);
      const first_candle_ms = performance.now() - started_at_ms;
      console.log(`first candle ${(first_candle_ms / 1000).toFixed(1)} s after the command`);
      ok(first_candle_ms <= FIRST_CANDLE_MS_MAX, `it took ${first_candle_ms} ms`);

      const second = runStart(`${directory}/second`, [], { NO_COLOR: "1" });
      try {
        await candlesIn(second);
        await candlesIn(first);
      } finally {
        strictEqual((await stopRun(second)).code, 0, second.output());
      }
    } finally {
      strictEqual((await stopRun(first)).code, 0, first.output());
    }
  });
});

/** Waits until a candle is in the database that was not there before. */
async function candlesIn(run: RunningStart): Promise<void> {
  let url: string | undefined;
  await eventually(async () => {
    try {
      url = (await run.endpoints()).postgres;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return url !== undefined;
  }, "the endpoints");
  const { sql, close } = openDatabase({
    url: url!,
    application_name: "proof",
    pool_size: 1,
    statement_timeout_ms: 10_000,
  });
  try {
    let before: number | null = null;
    await eventually(async () => {
      const [row] = await sql`select coalesce(sum(trades), 0)::float8 as trades from candles`;
      before ??= row!.trades;
      return row!.trades > before!;
    }, "a candle");
  } finally {
    await close();
  }
}
