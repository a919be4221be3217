import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { hasSharedData } from "../testing/shared_data.ts";
import { STEADY_S, ticksDue, writeScaledReplay } from "./scaled_replay.ts";

Deno.test("ticks are due at the load's rate, which a spike and a breakpoint change", () => {
  const steady = { kind: "smoke", ticks_per_s: 100, duration_s: 20 } as const;
  deepStrictEqual([0, 1, 30, 300].map((at) => ticksDue(steady, at)), [0, 100, 3_000, 30_000]);
  const rising = { kind: "breakpoint", ticks_per_s: 100, duration_s: 60 } as const;
  // Level at first, then in a straight line up to forty times as much within a minute, then level.
  const risen = [0, 30, 60, 61].map((at) =>
    Math.round(ticksDue(rising, STEADY_S + at) - ticksDue(rising, STEADY_S))
  );
  deepStrictEqual(risen, [0, 30 * 1_075, 60 * 2_050, 60 * 2_050 + 4_000]);
  const spike = { kind: "spike", ticks_per_s: 100, duration_s: 60 } as const;
  const between = (from: number, to: number) =>
    ticksDue(spike, STEADY_S + to) - ticksDue(spike, STEADY_S + from);
  deepStrictEqual([between(1, 2), between(26, 27), between(55, 56)].map(Math.round), [
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
      for (let from_s = 15; from_s < STEADY_S + 20; from_s += 5) {
        const count = at_s.filter((at) => at >= from_s && at < from_s + 5).length;
        ok(Math.abs(count - 2_500) < 500, `${count} ticks in 5 s at ${from_s} s`);
      }
      ok(at_s.at(-1)! > 100, `the file ends after ${at_s.at(-1)} s`);
      ok(new Set(lines.map((line) => line.split(",")[0])).size > 10);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});
