import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { eventually } from "../testing/test_service.ts";
import { stopRun, withProof } from "./whole_run.ts";

const SYMBOLS = ["AAPL", "AMZN", "GOOGL", "MSFT", "TSLA"];
const VOLATILITY = 0.35;

Deno.test("proof: the simulator's five symbols have candles, and prices as volatile as they are set to be", async () => {
  await withProof(async ({ start, database: { sql } }) => {
    const run = start(["--source", "simulator"], {
      PRICE_VOLATILITY: String(VOLATILITY),
      TICK_INTERVAL: "0.01",
      TAPELINE_SIMULATOR_SEED: "11",
    });
    await run.says("Tapeline runs");
    await eventually(
      async () => {
        const rows = await sql`select symbol from ticks group by symbol having count(*) >= 3000`;
        return rows.length === SYMBOLS.length;
      },
      "half a minute of ticks of each symbol",
    );
    const { code, output } = await stopRun(run);
    strictEqual(code, 0, output);

    const candles = await sql`
      select distinct symbol from candles where "interval" = '1m' order by symbol`;
    deepStrictEqual(candles.map(({ symbol }) => symbol), SYMBOLS);
    const measured = await sql`
      select symbol, count(*)::float8 as steps, sqrt(sum(step * step)
          / (extract(epoch from max(event_time) - min(event_time)) / 86400))::float8 as volatility
      from (
        select symbol, event_time, ln(price / lag(price) over series) as step
        from ticks window series as (partition by symbol order by event_time, kafka_offset)
      ) as steps
      group by symbol`;
    strictEqual(measured.length, SYMBOLS.length);
    for (const { symbol, steps, volatility } of measured) {
      // The estimate from n steps has a standard error of 1 / √(2n): four of them.
      const tolerance = 4 / Math.sqrt(2 * steps);
      ok(
        Math.abs(volatility / VOLATILITY - 1) < tolerance,
        `${symbol}: ${volatility} is not within ${(tolerance * 100).toFixed(1)} % of ${VOLATILITY}`,
      );
    }
  });
});
