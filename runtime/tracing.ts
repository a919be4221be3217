/** Starts tracing. Spans are made by hand where the work is; without an endpoint none is recorded. */

/** Running tracing: how to send what is left and stop. */
export interface Tracing {
  stop(): Promise<void>;
}

/**
 * Starts OpenTelemetry for this process. The SDK is loaded only where it is used: it costs a third
 * of a second and permissions of its own.
 *
 * @param service The service's name: the resource's `service.name`.
 * @param endpoint OTLP over HTTP; null switches tracing off.
 * @param sample_ratio Share of new traces that are sampled; a caller's decision is kept.
 */
export async function startTracing(
  service: string,
  endpoint: URL | null,
  sample_ratio: number,
): Promise<Tracing> {
  if (endpoint === null) return { stop: () => Promise.resolve() };
  const { NodeSDK } = await import("@opentelemetry/sdk-node");
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  const { resourceFromAttributes } = await import("@opentelemetry/resources");
  const { ParentBasedSampler, TraceIdRatioBasedSampler } = await import("@opentelemetry/sdk-trace");
  const sdk = new NodeSDK({
    resource: resourceFromAttributes({ "service.name": service }),
    traceExporter: new OTLPTraceExporter({ url: new URL("/v1/traces", endpoint).href }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sample_ratio) }),
    autoDetectResources: false,
  });
  sdk.start();
  return { stop: () => sdk.shutdown() };
}
