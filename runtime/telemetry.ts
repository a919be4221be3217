/** What every service tells of itself, and whether that arrives: the same for all of them. */
import about from "../deno.json" with { type: "json" };
import { sleep } from "./backoff.ts";
import { watchEventLoop } from "./event_loop.ts";
import { watchKafkaRequests } from "./kafka_requests.ts";
import type { Logger } from "./log.ts";
import type { SERVICE_METRICS } from "./metric_table.ts";
import type { Metrics } from "./metrics.ts";
import { startTracing } from "./tracing.ts";

/** Where spans go, as configured. */
export interface TelemetryConfig {
  metrics: boolean;
  trace_endpoint: URL | null;
  trace_sample_ratio: number;
}

/** Running telemetry. */
export interface Telemetry {
  /**
   * The canary, once the service works: it has connected to Kafka by now, so that a request must
   * have been counted, and a span of its own must reach the collector. What does not arrive is said
   * in the log and by a metric; the service goes on, since ticks are worth more.
   */
  checkCanary(): void;
  /** Sends what is left. */
  stop(): Promise<void>;
}

/** A collector that is started beside the service may be a little later: so many probes are soon. */
const PROBES_SOON = 3;
const PROBE_SOON_MS = 2_000;
const PROBE_LATER_MS = 10_000;

/**
 * Starts the telemetry of a service.
 *
 * @param service Its name.
 * @param config Where spans go.
 * @param metrics What every service measures.
 * @param log Where it is said what does not arrive.
 */
export async function startTelemetry(
  service: string,
  config: TelemetryConfig,
  metrics: Metrics<typeof SERVICE_METRICS>,
  log: Logger,
): Promise<Telemetry> {
  metrics.build_info.set({ version: about.version, deno: Deno.version.deno }, 1);
  const endWatch = config.metrics
    ? watchEventLoop((delay_seconds) => metrics.event_loop_delay.observe(delay_seconds))
    : () => {};
  let kafka_requests = 0;
  if (config.metrics) {
    watchKafkaRequests(({ request, duration_seconds, error }) => {
      kafka_requests++;
      if (error === null) metrics.kafka_requests.observe({ request }, duration_seconds);
      else metrics.kafka_request_errors.inc({ request, error });
    });
  }
  let spans_fault: string | null = "none has been sent";
  const tracing = await startTracing({
    service,
    version: about.version,
    endpoint: config.trace_endpoint,
    sample_ratio: config.trace_sample_ratio,
    onExport(_spans, fault) {
      spans_fault = fault;
      metrics.canary.set({ part: "spans" }, fault === null ? 1 : 0);
    },
  });
  const ended = new AbortController();

  function blind(part: string, why: string): void {
    log.error(`the ${part} of this service do not arrive: it runs blind`, {
      event: "instrumentation_blind",
      part,
      why,
    });
  }

  async function probeSpans(): Promise<void> {
    for (let probe = 1; !ended.signal.aborted; probe++) {
      await tracing.probe();
      if (spans_fault === null) return;
      if (probe === PROBES_SOON) blind("spans", `${config.trace_endpoint}: ${spans_fault}`);
      await sleep(probe < PROBES_SOON ? PROBE_SOON_MS : PROBE_LATER_MS, ended.signal);
    }
  }

  return {
    checkCanary() {
      const is_counted = kafka_requests > 0 || !config.metrics;
      metrics.canary.set({ part: "kafka_metrics" }, is_counted ? 1 : 0);
      if (!is_counted) blind("Kafka metrics", "no request to Kafka has been counted");
      if (tracing.is_on) probeSpans();
    },
    async stop() {
      ended.abort();
      endWatch();
      await tracing.stop();
    },
  };
}
