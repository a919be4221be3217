/** The telemetry contract: what every running service must tell, held against what it does tell. Pure. */
import { SERVICE_METRICS, STAGE_METRICS } from "../../runtime/metric_table.ts";

/** What a service answered at its operations port. */
export interface ToldTelemetry {
  service: string;
  is_stage: boolean;
  health: unknown;
  ready: unknown;
  /** Prometheus text. */
  plain: string;
  /** OpenMetrics. */
  open_metrics: string;
}

/** Of prom-client's own, what boards and alerts stand on. */
const PROCESS_METRICS = [
  "process_cpu_seconds_total",
  "process_resident_memory_bytes",
  "process_start_time_seconds",
];
/** Labels whose values come from outside have no bound, and are not for metrics. */
const UNBOUNDED_LABELS = ["symbol", "trace_id", "offset", "key", "message", "url", "path"];

/**
 * Holds a service to the contract.
 *
 * @returns What is missing or wrong, a sentence each.
 */
export function telemetryFaults(told: ToldTelemetry): string[] {
  const { service, is_stage, health, ready, plain, open_metrics } = told;
  const faults: string[] = [];
  if ((health as { alive?: boolean }).alive !== true) {
    faults.push("/health does not say it is alive");
  }
  const { ready: is_ready, reasons } = ready as { ready?: unknown; reasons?: unknown };
  if (typeof is_ready !== "boolean" || !Array.isArray(reasons)) {
    faults.push("/ready does not say whether it is, and why not");
  }
  if (!open_metrics.endsWith("# EOF\n")) faults.push("OpenMetrics has no end");
  const wanted: readonly { name: string }[] = [
    SERVICE_METRICS.ready,
    SERVICE_METRICS.build_info,
    SERVICE_METRICS.clock,
    SERVICE_METRICS.event_loop_delay,
    SERVICE_METRICS.kafka_requests,
    // Counters with labels have a line once something was counted: before that, their type.
    ...(is_stage ? Object.values(STAGE_METRICS) : [STAGE_METRICS.errors]),
    ...PROCESS_METRICS.map((name) => ({ name })),
  ];
  for (const { name } of wanted) {
    if (!plain.includes(`# TYPE ${name} `)) faults.push(`${name} is not told`);
  }
  for (const line of plain.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const labels = /\{(.*)\}/.exec(line)?.[1] ?? "";
    if (!labels.includes(`service="${service}"`)) faults.push(`no label service: ${line}`);
    for (const label of UNBOUNDED_LABELS) {
      if (new RegExp(`(^|,)${label}=`).test(labels)) faults.push(`a label without bound: ${line}`);
    }
    if (/ NaN$/i.test(line)) faults.push(`no number: ${line}`);
  }
  return faults;
}
