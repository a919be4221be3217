import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { hasSharedData, readTickLines, sharedFile } from "../testing/shared_data.ts";
import { assertRecomputed, assertTicks, storedCandles } from "./candle_checks.ts";
import { shuffleWithin, TICK_HEADER, upbitTrades, writeTickFile } from "./tick_files.ts";
import { stopRun, withProof } from "./whole_run.ts";

const MAX_SPEED = ["--source", "replay", "--speed", "max", "--until-drained", "--file"];
const LATENESS_MS = 5_000;
/** The morning is enough: all of the day is another proof's. */
const MORNING_TICKS = 40_000;

Deno.test("proof: trades shuffled within the allowed lateness give the same candles", {
  ignore: !hasSharedData(),
}, async () => {
  const lines = (await readTickLines("equity-2013-10-07")).slice(0, MORNING_TICKS);
  const shuffled = shuffleWithin(lines, LATENESS_MS, 7);
  const moved = shuffled.filter((line, index) => line !== lines[index]).length;
  ok(moved > lines.length / 2, `only ${moved} lines have moved`);

  const candles = [];
  for (const order of [lines, shuffled]) {
    candles.push(
      await withProof(async ({ run, database, servers }) => {
        const file = `${servers.data_dir}/trades.csv`;
        await writeTickFile(file, order);
        const { code, output } = await run([...MAX_SPEED, file]);
        strictEqual(code, 0, output);
        await assertTicks(database, lines.length);
        return await storedCandles(database);
      }),
    );
  }
  const [in_order, out_of_order] = candles as [typeof candles[0], typeof candles[0]];
  strictEqual(in_order.length, 520);
  // Sums of prices are not exact in doubles: their order may show in the last digits.
  const rounded = (candle: typeof in_order[0]) => ({
    ...candle,
    vwap: candle.vwap?.toPrecision(12),
    average_price: candle.average_price?.toPrecision(12),
  });
  deepStrictEqual(out_of_order.map(rounded), in_order.map(rounded));
});

Deno.test(
  "proof: Upbit's trades that arrive behind their symbol's newest land in the right windows",
  { ignore: !hasSharedData() },
  async () => {
    const capture = await Deno.readTextFile(sharedFile("exchange-captures/UPBIT.ws.62.0"));
    const trades = upbitTrades(capture);
    strictEqual(trades.length, 304);
    const newest = new Map<string, number>();
    const behind = trades.filter((line) => {
      const [symbol, timestamp] = line.split(",");
      const before = newest.get(symbol!) ?? -Infinity;
      newest.set(symbol!, Math.max(before, Number(timestamp)));
      return Number(timestamp) < before;
    });
    strictEqual(behind.length, 78);
    await withProof(async ({ run, database, servers }) => {
      const file = `${servers.data_dir}/upbit.csv`;
      await writeTickFile(file, trades);
      const { code, output } = await run([...MAX_SPEED, file]);
      strictEqual(code, 0, output);
      await assertTicks(database, 304);
      // Against SQL over all 304 rows: a trade in the wrong window, or refused, would show.
      await assertRecomputed(database);
    });
  },
);

Deno.test("proof: two sources of one symbol at once, one eight years older, do not disturb each other", async () => {
  const hour = 3_600_000;
  const now = Math.floor(Date.now() / hour) * hour - hour;
  const old = now - 8 * 365 * 24 * hour;
  const tickLines = (start: number, price: number): string[] =>
    Array.from(
      { length: 3_000 },
      (_, index) => `SAME,${start + index * 1_000},${price + index % 100},${1 + index % 7},,true`,
    );
  await withProof(async ({ start, servers, database }) => {
    const runs = [["old.csv", old, 50], ["new.csv", now, 900]] as const;
    for (const [name, from, price] of runs) {
      await writeTickFile(`${servers.data_dir}/${name}`, tickLines(from, price));
    }
    // The one replays in the process of all of it, the other comes in by HTTP beside it.
    const run = start(
      ["--source", "replay,http", "--speed", "600", "--file", `${servers.data_dir}/old.csv`],
    );
    await run.says("Tapeline runs");
    const http = (await run.endpoints()).producer_http;
    const lines = (await Deno.readTextFile(`${servers.data_dir}/new.csv`)).trim().split("\n");
    strictEqual(lines[0], TICK_HEADER);
    for (let at = 1; at < lines.length; at += 500) {
      const ticks = lines.slice(at, at + 500).map((line) => {
        const [symbol, timestamp, price, volume] = line.split(",");
        return { symbol, timestamp: +timestamp!, price: +price!, volume: +volume! };
      });
      const response = await fetch(`${http}/ticks`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(ticks),
      });
      strictEqual(response.status, 202, await response.text());
    }
    const marked = await fetch(`${http}/markers`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ event_time: Date.now() }),
    });
    strictEqual(marked.ok, true, await marked.text());
    await waitForTicks(database, 6_000, run.output);
    const { code, output } = await stopRun(run);
    strictEqual(code, 0, output);
    await assertTicks(database, 6_000);
    await assertRecomputed(database);
    const sources = await database.sql`select distinct source from candles order by source`;
    deepStrictEqual(sources.map(({ source }) => source), ["http", "replay/old.csv"]);
  });
});

async function waitForTicks(
  { sql }: Parameters<typeof assertTicks>[0],
  expected: number,
  output: () => string,
): Promise<void> {
  const give_up_at = Date.now() + 60_000;
  while (Date.now() < give_up_at) {
    const [row] = await sql`select (select count(*) from ticks)::float8 as ticks,
      (select count(*) from candles where not final)::float8 as open,
      (select count(*) from candles)::float8 as candles`;
    if (row!.ticks >= expected && row!.candles > 0 && row!.open === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${expected} ticks did not arrive. The run wrote:\n${output()}`);
}
