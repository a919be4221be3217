/** Spans as Jaeger's HTTP interface tells them: for proofs. */

/** A span. */
export interface FoundSpan {
  trace_id: string;
  span_id: string;
  service: string;
  name: string;
  /** Ids of the spans that it is a child of or linked with. */
  references: readonly { trace_id: string; span_id: string; kind: "CHILD_OF" | "FOLLOWS_FROM" }[];
  tags: { readonly [name: string]: unknown };
}

interface JaegerTrace {
  spans: {
    traceID: string;
    spanID: string;
    operationName: string;
    processID: string;
    references?: { refType: "CHILD_OF" | "FOLLOWS_FROM"; traceID: string; spanID: string }[];
    tags: { key: string; value: unknown }[];
  }[];
  processes: { [id: string]: { serviceName: string } };
}

const DEADLINE_MS = 5_000;
const TRACES_MAX = 1_000;

/** The spans of one trace; none where Jaeger does not know it. */
export async function spansOfTrace(jaeger: string, trace_id: string): Promise<FoundSpan[]> {
  return await spansAt(`${jaeger}/api/traces/${trace_id}`);
}

/** All spans of traces that a service has a part in. */
export async function spansOfService(jaeger: string, service: string): Promise<FoundSpan[]> {
  return await spansAt(`${jaeger}/api/traces?service=${service}&lookback=1h&limit=${TRACES_MAX}`);
}

async function spansAt(url: string): Promise<FoundSpan[]> {
  const response = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
  const { data } = await response.json() as { data: JaegerTrace[] | null };
  return (data ?? []).flatMap(({ spans, processes }) =>
    spans.map((span) => ({
      trace_id: span.traceID,
      span_id: span.spanID,
      service: processes[span.processID]!.serviceName,
      name: span.operationName,
      references: (span.references ?? []).map(({ refType, traceID, spanID }) => ({
        trace_id: traceID,
        span_id: spanID,
        kind: refType,
      })),
      tags: Object.fromEntries(span.tags.map(({ key, value }) => [key, value])),
    }))
  );
}
