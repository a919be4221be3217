import { match, strictEqual } from "node:assert/strict";
import { STAGE_METRICS } from "./metric_table.ts";
import { createMetrics } from "./metrics.ts";

Deno.test("instruments come from the table, with the service's label", async () => {
  const { metrics, expose } = createMetrics("sink", STAGE_METRICS);
  metrics.received.inc({ from: "ticks" }, 3);
  metrics.duration.observe(0.02);
  const { text, content_type } = await expose(false);
  match(text, /tapeline_records_received_total\{[^}]*from="ticks"[^}]*\} 3/);
  match(text, /tapeline_records_received_total\{[^}]*service="sink"/);
  match(text, /tapeline_batch_duration_seconds_bucket\{le="0.025"[^}]*\} 1/);
  match(text, /process_cpu_seconds_total/);
  strictEqual(content_type.startsWith("text/plain"), true);
});

Deno.test("OpenMetrics is told on request", async () => {
  const { metrics, expose } = createMetrics("sink", STAGE_METRICS);
  metrics.errors.inc({ kind: "x" });
  const { text, content_type } = await expose(true);
  strictEqual(content_type.startsWith("application/openmetrics-text"), true);
  match(text, /# EOF\n?$/);
  match(text, /# TYPE tapeline_errors counter/);
});
