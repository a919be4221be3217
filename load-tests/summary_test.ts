import { match, strictEqual } from "node:assert/strict";
import { isKept, summarize, type SummaryData } from "./summary.ts";
import { DOOR_DURATION, TARGETS } from "./targets.ts";

/** What k6 hands over where every target has this value of its statistic. */
function data(value: number | null): SummaryData {
  return {
    metrics: Object.fromEntries(
      TARGETS.map(({ metric, statistic }) => [metric, { values: { [statistic]: value } }]),
    ),
  };
}

Deno.test("targets that are met have a line each", () => {
  const told = summarize(data(0), TARGETS);
  strictEqual(told.trim().split("\n").length, TARGETS.length);
  strictEqual(told.includes("MISSED"), false);
});

Deno.test("one that is missed is said in a sentence, with what was measured", () => {
  const told = summarize(data(20.25), TARGETS);
  match(told, /MISSED.*p\(95\)<=20 +20\.3/);
  match(
    told,
    /The HTTP door took 20\.3 ms for the slowest 5 % of the requests, and may take 20 ms/,
  );
});

Deno.test("a target may be reached, and not passed", () => {
  strictEqual(isKept(data(20), DOOR_DURATION), true);
  strictEqual(isKept(data(20.001), DOOR_DURATION), false);
});

Deno.test("what was not measured, or was infinite, is missed", () => {
  match(summarize({ metrics: {} }, TARGETS), /MISSED.*not measured/);
  strictEqual(isKept({ metrics: {} }, DOOR_DURATION), false);
  strictEqual(isKept(data(null), DOOR_DURATION), false);
});
