import { match, strictEqual } from "node:assert/strict";
import { hasSharedData, readBars, sharedFile } from "../testing/shared_data.ts";
import { SETTINGS } from "../../services/aggregator/config.ts";
import {
  assertBars,
  assertRecomputed,
  assertSlidingAverages,
  assertTicks,
  storedCandles,
} from "./candle_checks.ts";
import { withProof } from "./whole_run.ts";

const SETS = [
  { set: "equity-2013-10-07", ticks: 112_465, bars: 1_040 },
  { set: "crypto-xrpeth-2019-10", ticks: 12_477, bars: 2_469 + 706 },
];

for (const { set, ticks, bars } of SETS) {
  Deno.test(`proof: a replay of ${set} gives the vendor's ${bars} bars, and the ledger balances`, {
    ignore: !hasSharedData(),
  }, async () => {
    await withProof(async ({ run, database }) => {
      const file = sharedFile(`${set}/ticks.csv.gz`);
      const { code, output } = await run([
        ...["--source", "replay", "--file", file, "--speed", "max", "--until-drained"],
      ]);
      strictEqual(code, 0, output);
      match(output, /The ledger balances/);
      await assertTicks(database, ticks);
      const expected = await readBars(set);
      strictEqual(expected.length, bars);
      assertBars(await storedCandles(database), "replay/ticks.csv.gz", expected);
      await assertRecomputed(database);
      await assertSlidingAverages(database, Number(SETTINGS.sliding_average_seconds.default));
    });
  });
}
