import { match, strictEqual } from "node:assert/strict";
import { errorsOf, STAGE_METRICS } from "./metric_table.ts";
import { createMetrics } from "./metrics.ts";

Deno.test("instruments come from the table, with the service's label", async () => {
  const { metrics, expose } = createMetrics("sink", STAGE_METRICS);
  metrics.received.inc({ from: "ticks" }, 3);
  metrics.duration.observe({ value: 0.02 });
  const { text, content_type } = await expose(false);
  match(text, /tapeline_records_received_total\{[^}]*from="ticks"[^}]*\} 3/);
  match(text, /tapeline_records_received_total\{[^}]*service="sink"/);
  match(text, /tapeline_batch_duration_seconds_bucket\{le="0.025"[^}]*\} 1/);
  match(text, /process_cpu_seconds_total/);
  strictEqual(content_type.startsWith("text/plain"), true);
});

Deno.test("what a label may say is told as 0 before it is counted", async () => {
  const { metrics, expose } = createMetrics("sink", { errors: errorsOf(["away", "slow"]) });
  metrics.errors.inc({ kind: "slow" });
  const { text } = await expose(false);
  match(text, /tapeline_errors_total\{[^}]*kind="away"[^}]*\} 0/);
  match(text, /tapeline_errors_total\{[^}]*kind="slow"[^}]*\} 1/);
});

Deno.test("OpenMetrics is told on request", async () => {
  const { metrics, expose } = createMetrics("sink", STAGE_METRICS);
  metrics.errors.inc({ kind: "x" });
  const { text, content_type } = await expose(true);
  strictEqual(content_type.startsWith("application/openmetrics-text"), true);
  match(text, /# EOF\n?$/);
  match(text, /# TYPE tapeline_errors counter/);
});

Deno.test("who reads plain text after OpenMetrics sees the same names", async () => {
  const { metrics, expose } = createMetrics("sink", STAGE_METRICS);
  metrics.errors.inc({ kind: "x" });
  const [, plain] = await Promise.all([expose(true), expose(false), expose(true)]);
  match(plain.text, /^tapeline_errors_total\{/m);
  match((await expose(false)).text, /^tapeline_errors_total\{/m);
});

Deno.test("an exemplar names the trace of its observation, in OpenMetrics", async () => {
  const { metrics, expose } = createMetrics("sink", STAGE_METRICS);
  metrics.duration.observe({
    value: 0.02,
    exemplarLabels: { trace_id: "a".repeat(32), span_id: "b".repeat(16) },
  });
  metrics.duration.observe({ value: 0.2 });
  const { text } = await expose(true);
  match(
    text,
    /tapeline_batch_duration_seconds_bucket\{le="0.025"[^}]*\} 1 # \{trace_id="a{32}",span_id="b{16}"\} 0.02/,
  );
  match(text, /tapeline_batch_duration_seconds_bucket\{le="0.25"[^}]*\} 2\n/);
});

Deno.test("memory is told, and no metric of the process that is always 0", async () => {
  const { text } = await createMetrics("sink", STAGE_METRICS).expose(false);
  const memory = Number(/^process_resident_memory_bytes\{[^}]*\} (.+)$/m.exec(text)?.[1]);
  strictEqual(memory > 1e7, true);
  strictEqual(/^(process_open_fds|process_heap_bytes|nodejs_eventloop)/m.test(text), false);
});
