import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { hasSharedData } from "../testing/shared_data.ts";
import { ticksDue, writeScaledReplay } from "./scaled_replay.ts";

Deno.test("ticks are due at the load's rate, which a spike and a breakpoint change", () => {
  const steady = { kind: "smoke", ticks_per_s: 100, duration_s: 20 } as const;
  deepStrictEqual([0, 1, 30, 300].map((at) => ticksDue(steady, at)), [0, 100, 3_000, 30_000]);
  const rising = { kind: "breakpoint", ticks_per_s: 100, duration_s: 60 } as const;
  // 25 s at first, then in a straight line up to forty times as much within a minute, then level.
  deepStrictEqual(
    [25, 55, 85, 86].map((at) => Math.round(ticksDue(rising, at))),
    [2_500, 2_500 + 30 * 1_075, 2_500 + 60 * 2_050, 2_500 + 60 * 2_050 + 4_000],
  );
  const spike = { kind: "spike", ticks_per_s: 100, duration_s: 60 } as const;
  const between = (from: number, to: number) => ticksDue(spike, to) - ticksDue(spike, from);
  deepStrictEqual([between(26, 27), between(51, 52), between(80, 81)].map(Math.round), [
    100,
    1_000,
    100,
  ]);
});

Deno.test({
  name: "a day is copied under as many symbols as the rate needs, in its own order",
  ignore: !hasSharedData(),
  async fn() {
    const dir = await Deno.makeTempDir();
    try {
      const load = { kind: "smoke", ticks_per_s: 500, duration_s: 20 } as const;
      const { path, speed } = await writeScaledReplay(load, dir);
      const [header, ...lines] = (await Deno.readTextFile(path)).trimEnd().split("\n");
      strictEqual(header, "symbol,timestamp,price,volume,trade_id,price_forming");
      const times_ms = lines.map((line) => Number(line.split(",")[1]));
      deepStrictEqual(times_ms, times_ms.toSorted((left, right) => left - right));
      const at_s = times_ms.map((time_ms) => (time_ms - times_ms[0]!) / speed / 1_000);
      for (let from_s = 15; from_s < 45; from_s += 5) {
        const count = at_s.filter((at) => at >= from_s && at < from_s + 5).length;
        ok(Math.abs(count - 2_500) < 250, `${count} ticks in 5 s at ${from_s} s`);
      }
      ok(at_s.at(-1)! > 100, `the file ends after ${at_s.at(-1)} s`);
      ok(new Set(lines.map((line) => line.split(",")[0])).size > 20);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});
