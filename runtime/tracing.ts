/** Starts tracing. Spans are made by hand where the work is; without an endpoint none is recorded. */
import type { ReadableSpan, Sampler, SpanExporter } from "@opentelemetry/sdk-trace";
import { sleep, withDeadline } from "./backoff.ts";
import { openSpan } from "./spans.ts";

/** What tracing needs. */
export interface TracingOptions {
  /** The service's name: the resource's `service.name`. */
  service: string;
  /** What runs: the resource's `service.version`. */
  version: string;
  /** OTLP over HTTP; null switches tracing off. */
  endpoint: URL | null;
  /** Share of new traces that are sampled; a caller's decision is kept. */
  sample_ratio: number;
  /** Told of each export: how many spans, and why the collector has not taken them (null: it has). */
  onExport(spans: number, fault: string | null): void;
}

/** Running tracing: how to send what is left and stop. */
export interface Tracing {
  /** Whether spans are recorded at all. */
  is_on: boolean;
  /** Sends a span of its own through all of it, so that `onExport` tells whether spans arrive. */
  probe(): Promise<void>;
  stop(): Promise<void>;
}

/** The probe's span; it is sampled whatever the ratio. */
const PROBE = "tapeline.probe";
const PROBE_DEADLINE_MS = 10_000;
/** Spans that wait for their export; more are dropped, so that a caller can't fill the memory. */
const QUEUE_SPANS_MAX = 8_192;
const BATCH_SPANS_MAX = 512;
const EXPORT_INTERVAL_MS = 1_000;
const EXPORT_DEADLINE_MS = 5_000;
const STOP_WAIT_MS = 2_000;

/**
 * Starts OpenTelemetry for this process. The SDK is loaded only where it is used: it costs a third
 * of a second and permissions of its own.
 *
 * @param options Where spans go, and how many.
 */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const { endpoint } = options;
  if (endpoint === null) return OFF;
  try {
    return await startSdk({ ...options, endpoint });
  } catch (error) {
    // Ticks are worth more than their traces: the service goes on, and the canary says it.
    const fault = `OpenTelemetry can't be started: ${(error as Error).message}`;
    options.onExport(0, fault);
    return { ...OFF, is_on: true, probe: () => Promise.resolve(options.onExport(0, fault)) };
  }
}

const OFF: Tracing = {
  is_on: false,
  probe: () => Promise.resolve(),
  stop: () => Promise.resolve(),
};

async function startSdk(options: TracingOptions & { endpoint: URL }): Promise<Tracing> {
  const { endpoint } = options;
  const { NodeSDK } = await import("@opentelemetry/sdk-node");
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  const { resourceFromAttributes } = await import("@opentelemetry/resources");
  const { BatchSpanProcessor, ParentBasedSampler, SamplingDecision, TraceIdRatioBasedSampler } =
    await import("@opentelemetry/sdk-trace");
  const ratio = new TraceIdRatioBasedSampler(options.sample_ratio);
  const root: Sampler = {
    shouldSample: (context, trace_id, name, ...rest) =>
      name === PROBE
        ? { decision: SamplingDecision.RECORD_AND_SAMPLED }
        : (ratio as Sampler).shouldSample(context, trace_id, name, ...rest),
    toString: () => `${ratio}, and the probe`,
  };
  const exporter = new OTLPTraceExporter({
    url: new URL("/v1/traces", endpoint).href,
    timeoutMillis: EXPORT_DEADLINE_MS,
  });
  const processor = new BatchSpanProcessor({
    exporter: toldOf(exporter, options.onExport),
    maxQueueSize: QUEUE_SPANS_MAX,
    maxExportBatchSize: BATCH_SPANS_MAX,
    scheduledDelayMillis: EXPORT_INTERVAL_MS,
    exportTimeoutMillis: EXPORT_DEADLINE_MS,
  });
  const sdk = new NodeSDK({
    resource: resourceFromAttributes({
      "service.name": options.service,
      "service.namespace": "tapeline",
      "service.version": options.version,
    }),
    spanProcessors: [processor],
    sampler: new ParentBasedSampler({ root }),
    autoDetectResources: false,
  });
  sdk.start();
  return {
    is_on: true,
    async probe() {
      openSpan(PROBE).end();
      await withDeadline(processor.forceFlush(), PROBE_DEADLINE_MS, "Sending the first span")
        .catch((error) => options.onExport(0, (error as Error).message));
    },
    async stop() {
      // A collector that is away must not hold up a stop; what it has not taken was told.
      await Promise.race([sdk.shutdown().catch(() => {}), sleep(STOP_WAIT_MS)]);
    },
  };
}

/** An exporter that tells of each export. */
function toldOf(exporter: SpanExporter, onExport: TracingOptions["onExport"]): SpanExporter {
  return {
    export(spans: ReadableSpan[], done) {
      exporter.export(spans, (result) => {
        // 0 is ExportResultCode.SUCCESS.
        const fault = result.code === 0 ? null : result.error?.message ?? "it does not say why";
        onExport(spans.length, fault);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
