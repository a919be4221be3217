import { match, strictEqual } from "node:assert/strict";
import { summarize } from "./summary.ts";
import { TARGETS } from "./targets.ts";

/** What k6 hands over where every target has this value of its statistic. */
function data(value: number, ok: boolean): Parameters<typeof summarize>[0] {
  const metrics = TARGETS.map(({ metric, threshold }) => {
    const statistic = threshold.split(/[<>=]/)[0]!;
    return [metric, { values: { [statistic]: value }, thresholds: { [threshold]: { ok } } }];
  });
  return { metrics: Object.fromEntries(metrics) };
}

Deno.test("targets that are met have a line each", () => {
  const told = summarize(data(0, true), TARGETS);
  strictEqual(told.trim().split("\n").length, TARGETS.length);
  strictEqual(told.includes("MISSED"), false);
});

Deno.test("one that is missed is said in a sentence, with what was measured", () => {
  const told = summarize(data(4.25, false), TARGETS);
  match(told, /MISSED.*p\(95\)<=20 +4\.25/);
  match(
    told,
    /The HTTP door took 4\.25 ms for the slowest 5 % of the requests, and may take 20 ms/,
  );
});

Deno.test("what was not measured is missed", () => {
  match(summarize({ metrics: {} }, TARGETS), /MISSED.*not measured/);
});
