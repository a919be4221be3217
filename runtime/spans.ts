/**
 * Spans, made by hand: names and attributes by OpenTelemetry's semantic conventions
 * (https://opentelemetry.io/docs/specs/semconv/). Where tracing is off they cost nothing to speak of,
 * and a caller's context still goes on.
 */
import {
  type Attributes,
  context,
  isSpanContextValid,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from "@opentelemetry/api";
import { readTraceparent, traceparentText } from "../contract/traceparent.ts";

export type { Span, SpanContext } from "@opentelemetry/api";

/** What a span is beside its name. */
export interface SpanOptions {
  kind?: keyof typeof SpanKind;
  /** The span that it is a child of; absent: the active one. */
  parent?: SpanContext | undefined;
  links?: readonly SpanContext[];
  attributes?: Attributes;
  /** When it began, ms since the epoch; absent: now. */
  started_at_ms?: number;
}

const tracer = trace.getTracer("tapeline");

/**
 * Opens a span; whoever opens it ends it.
 *
 * @param name By the conventions: what is done, and to what.
 */
export function openSpan(name: string, options: SpanOptions = {}): Span {
  const { kind = "INTERNAL", parent, links = [], attributes = {}, started_at_ms } = options;
  const active = context.active();
  return tracer.startSpan(name, {
    kind: SpanKind[kind],
    links: links.map((link) => ({ context: link })),
    attributes,
    ...(started_at_ms === undefined ? {} : { startTime: started_at_ms }),
  }, parent === undefined ? active : trace.setSpanContext(active, parent));
}

/**
 * Does some work within a span, which is then the active one: of spans below it, and of log lines.
 * The span is ended, and tells an error.
 */
export async function within<Result>(
  span: Span | null,
  work: () => Promise<Result>,
): Promise<Result> {
  if (span === null) return await work();
  try {
    return await context.with(trace.setSpan(context.active(), span), work);
  } catch (error) {
    failSpan(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** Notes an error in a span, which goes on. */
export function failSpan(span: Span, error: unknown): void {
  const { name, message } = error as Error;
  span.setAttribute("error.type", name ?? typeof error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: message ?? String(error) });
}

/** The active span's context; null where there is none. */
export function activeContext(): SpanContext | null {
  return trace.getSpanContext(context.active()) ?? null;
}

/** The ids of the active span, for log lines; null where there is none. */
export function activeIds(): { trace_id: string; span_id: string } | null {
  const active = activeContext();
  return active === null ? null : idsOf(active);
}

/** A span's ids, as exemplars and log lines carry them. */
export function idsOf({ traceId, spanId }: SpanContext): { trace_id: string; span_id: string } {
  return { trace_id: traceId, span_id: spanId };
}

/** The exemplar of an observation: what leads to its trace. */
interface Exemplar {
  exemplarLabels?: { trace_id: string; span_id: string };
}

/** What an observation within a span says beside its value. */
export function exemplarOf(span: Span | null): Exemplar {
  return span === null ? {} : { exemplarLabels: idsOf(span.spanContext()) };
}

/**
 * Observes many values within one span. Only the greatest has an exemplar: it is the one that
 * somebody will look at, and thousands of exemplars cost more than the span.
 */
export function observeAll(
  histogram: { observe(observation: Exemplar & { value: number }): void },
  values: readonly number[],
  span: Span | null,
): void {
  let greatest = 0;
  for (let at = 1; at < values.length; at++) if (values[at]! > values[greatest]!) greatest = at;
  for (const [at, value] of values.entries()) {
    histogram.observe(at === greatest ? { value, ...exemplarOf(span) } : { value });
  }
}

/** The context that a traceparent tells; null where it is none, or not sampled. */
export function sampledContext(traceparent: string | null | undefined): SpanContext | null {
  if (traceparent === null || traceparent === undefined) return null;
  const read = readTraceparent(traceparent);
  if (read === null || !read.sampled) return null;
  return {
    traceId: read.trace_id,
    spanId: read.span_id,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  };
}

/** A span's context where it is sampled, or that of the caller which it stands for; else null. */
export function sampledOf(span: Span): SpanContext | null {
  const found = span.spanContext();
  return isSpanContextValid(found) && (found.traceFlags & TraceFlags.SAMPLED) !== 0 ? found : null;
}

/** A sampled context as a header's value. */
export function traceparentOf({ traceId, spanId }: SpanContext): string {
  return traceparentText({ trace_id: traceId, span_id: spanId, sampled: true });
}
