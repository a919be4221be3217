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
/** One that makes few spans would not notice that the collector has gone, or is back. */
const PROBE_AGAIN_MS = 60_000;
/** So long after the start a service has asked Kafka for something. */
const FIRST_REQUEST_MS = 10_000;

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
      if (kafka_requests++ === 0) metrics.canary.set({ part: "kafka_metrics" }, 1);
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
    for (let failed = 0; !ended.signal.aborted;) {
      await tracing.probe();
      failed = spans_fault === null ? 0 : failed + 1;
      if (failed === PROBES_SOON) blind("spans", `${config.trace_endpoint}: ${spans_fault}`);
      const wait_ms = failed === 0
        ? PROBE_AGAIN_MS
        : failed < PROBES_SOON
        ? PROBE_SOON_MS
        : PROBE_LATER_MS;
      await sleep(wait_ms, ended.signal);
    }
  }

  async function checkKafkaMetrics(): Promise<void> {
    await sleep(FIRST_REQUEST_MS, ended.signal);
    if (ended.signal.aborted || kafka_requests > 0 || !config.metrics) return;
    metrics.canary.set({ part: "kafka_metrics" }, 0);
    blind("Kafka metrics", "no request to Kafka has been counted");
  }

  return {
    checkCanary() {
      checkKafkaMetrics();
      if (tracing.is_on) probeSpans();
    },
    async stop() {
      ended.abort();
      endWatch();
      await tracing.stop();
    },
  };
}
