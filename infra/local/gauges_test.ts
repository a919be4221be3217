import assert from "node:assert/strict";
import { observe, sampleSum } from "./gauges.ts";

const METRICS = `# HELP rows_total Rows
# TYPE rows_total counter
rows_total{table="ticks",service="sink"} 40
rows_total{table="candles",service="sink"} 2
rows_total_created{table="ticks"} 1700000000
depth 7
`;

Deno.test("samples are summed by name and labels, and a longer name is another metric", () => {
  assert.equal(sampleSum(METRICS, "rows_total"), 42);
  assert.equal(sampleSum(METRICS, "rows_total", { table: "ticks" }), 40);
  assert.equal(sampleSum(METRICS, "rows_total", { table: "ticks", service: "other" }), 0);
  assert.equal(sampleSum(METRICS, "depth"), 7);
  assert.equal(sampleSum("", "depth"), 0);
});

Deno.test("a service that does not answer is not ready, and that is the reason", async () => {
  const answer = await observe("http://127.0.0.1:1");
  assert.equal(answer.ready, false);
  assert.match(answer.reasons[0]!, /127\.0\.0\.1:1 does not answer/);
  assert.deepEqual((await observe(undefined)).reasons, ["it has not started yet"]);
});
