import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createLogger } from "./log.ts";
import {
  activeContext,
  idsOf,
  observeAll,
  openSpan,
  sampledContext,
  sampledOf,
  traceparentOf,
  within,
} from "./spans.ts";
import { startTracing } from "./tracing.ts";

const CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

Deno.test("without tracing a caller's context goes on, and nothing else has one", () => {
  strictEqual(sampledContext(CALLER.replace(/01$/, "00")), null);
  strictEqual(sampledContext("nonsense"), null);
  const span = openSpan("work", { parent: sampledContext(CALLER)! });
  strictEqual(traceparentOf(sampledOf(span)!), CALLER);
  strictEqual(sampledOf(openSpan("other work")), null);
});

Deno.test("of many values the greatest has the exemplar, and each is observed once", () => {
  const span = openSpan("work", { parent: sampledContext(CALLER)! });
  const observed = (values: number[], within: typeof span | null) => {
    const told: unknown[] = [];
    observeAll({ observe: (observation) => told.push(observation) }, values, within);
    return told;
  };
  const exemplarLabels = idsOf(span.spanContext());
  deepStrictEqual(observed([2, 5, 5, 1], span), [
    { value: 2 },
    { value: 5, exemplarLabels },
    { value: 5 },
    { value: 1 },
  ]);
  deepStrictEqual(observed([0], span), [{ value: 0, exemplarLabels }]);
  deepStrictEqual(observed([3], null), [{ value: 3 }]);
  deepStrictEqual(observed([], span), []);
});

Deno.test("a log line within a span carries its ids, others none", async () => {
  const tracing = await startTracing({
    service: "test",
    version: "0",
    // Nobody listens there: what can't be sent is told, and holds nothing up.
    endpoint: new URL("http://127.0.0.1:9"),
    sample_ratio: 0,
    onExport() {},
  });
  const lines: { [field: string]: unknown }[] = [];
  const log = createLogger("test", "info", (line) => void lines.push(JSON.parse(line)));
  const span = openSpan("work", { parent: sampledContext(CALLER)! });
  const { spanId, traceId } = span.spanContext();
  strictEqual(traceId, "4bf92f3577b34da6a3ce929d0e0e4736");
  ok(spanId !== "00f067aa0ba902b7", "the span is not one of its own");
  log.info("before");
  await within(span, async () => {
    await Promise.resolve();
    log.info("inside");
    strictEqual(activeContext()!.spanId, spanId);
  });
  // At a ratio of 0 what nobody has sampled is not sampled here.
  strictEqual(sampledOf(openSpan("other work")), null);
  await tracing.stop();
  deepStrictEqual(lines.map(({ trace_id, span_id }) => [trace_id, span_id]), [
    [undefined, undefined],
    [traceId, spanId],
  ]);
});
