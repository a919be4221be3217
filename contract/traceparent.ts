/** W3C trace context, as it travels in headers of requests and records. Pure. */

/** version, trace id, parent id, flags: W3C Trace Context, 3.2; a later version may say more. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const SAMPLED = 1;

/** A span elsewhere, by its ids. */
export interface Traceparent {
  trace_id: string;
  span_id: string;
  sampled: boolean;
}

/**
 * Reads a traceparent.
 *
 * @param text The header's value.
 * @returns Null where it is none: it is then to be taken as absent (W3C Trace Context, 4.3).
 */
export function readTraceparent(text: string): Traceparent | null {
  const match = TRACEPARENT.exec(text);
  if (match === null) return null;
  const [, version, trace_id, span_id, flags, more] = match;
  if (version === "ff" || (version === "00" && more !== undefined)) return null;
  if (/^0+$/.test(trace_id!) || /^0+$/.test(span_id!)) return null;
  return {
    trace_id: trace_id!,
    span_id: span_id!,
    sampled: (parseInt(flags!, 16) & SAMPLED) !== 0,
  };
}

/** Writes a traceparent. */
export function traceparentText({ trace_id, span_id, sampled }: Traceparent): string {
  return `00-${trace_id}-${span_id}-${sampled ? "01" : "00"}`;
}
