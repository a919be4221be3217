import { deepStrictEqual, match } from "node:assert/strict";
import { createMetrics } from "../../runtime/metrics.ts";
import { METRICS } from "../../services/sink/metrics.ts";
import { telemetryFaults, type ToldTelemetry } from "./telemetry.ts";

async function told(): Promise<ToldTelemetry> {
  const { metrics, expose } = createMetrics("sink", METRICS);
  metrics.received.inc({ from: "ticks" }, 0);
  return {
    service: "sink",
    is_stage: true,
    health: { alive: true },
    ready: { ready: false, reasons: ["starting"] },
    plain: (await expose(false)).text,
    open_metrics: (await expose(true)).text,
  };
}

Deno.test("a service's own table and what all have make a service that tells enough", async () => {
  deepStrictEqual(telemetryFaults(await told()), []);
});

Deno.test("what a service does not tell, or tells wrongly, is found", async () => {
  const good = await told();
  const cases: [fault: RegExp, wrong: Partial<ToldTelemetry>][] = [
    [/alive/, { health: {} }],
    [/why not/, { ready: { ready: true } }],
    [/no end/, { open_metrics: "" }],
    [/tapeline_records_received_total is not told/, {
      plain: good.plain.replaceAll("tapeline_records_received_total", "tapeline_got_total"),
    }],
    [/process_resident_memory_bytes is not told/, {
      plain: good.plain.replaceAll("process_resident_memory_bytes", "memory"),
    }],
    [/no label service/, { plain: good.plain.replaceAll('service="sink"', 'by="sink"') }],
    [/without bound/, { plain: good.plain.replaceAll('from="ticks"', 'symbol="A"') }],
    [/no number/, { plain: good.plain.replace(/ 0$/m, " NaN") }],
  ];
  for (const [fault, wrong] of cases) {
    match(telemetryFaults({ ...good, ...wrong }).join("\n"), fault);
  }
});
