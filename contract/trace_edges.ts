/**
 * The spans of a tick's way, and how they hang together: the one list that a test walks in Jaeger.
 * Topics are by their role, since their names come from config.
 */
import type { StageName, TopicRole } from "./pipeline.ts";

/** A span: who has it, what it does, and to which topic or table. */
export interface TracedSpan {
  service: StageName;
  operation: string;
  topic?: TopicRole;
}

/** A span and the one that it is a child of, or linked with where a batch holds several traces. */
export interface TraceEdge {
  span: TracedSpan;
  /** Null: the caller's own. */
  parent: TracedSpan | null;
}

const REQUEST: TracedSpan = { service: "producer", operation: "POST /ticks" };
const CREATE: TracedSpan = { service: "producer", operation: "create", topic: "ticks" };
const WINDOWS: TracedSpan = { service: "aggregator", operation: "process", topic: "ticks" };
const CANDLES: TracedSpan = { service: "aggregator", operation: "send", topic: "candles" };
const TICK_ROWS: TracedSpan = { service: "sink", operation: "process", topic: "ticks" };
const CANDLE_ROWS: TracedSpan = { service: "sink", operation: "process", topic: "candles" };

export const TRACE_EDGES: readonly TraceEdge[] = [
  { span: REQUEST, parent: null },
  { span: CREATE, parent: REQUEST },
  { span: { service: "producer", operation: "send", topic: "ticks" }, parent: CREATE },
  { span: { service: "aggregator", operation: "poll", topic: "ticks" }, parent: CREATE },
  { span: WINDOWS, parent: CREATE },
  { span: CANDLES, parent: WINDOWS },
  { span: { service: "sink", operation: "poll", topic: "ticks" }, parent: CREATE },
  { span: TICK_ROWS, parent: CREATE },
  { span: { service: "sink", operation: "COPY ticks" }, parent: TICK_ROWS },
  { span: { service: "sink", operation: "COMMIT" }, parent: TICK_ROWS },
  { span: { service: "sink", operation: "poll", topic: "candles" }, parent: CANDLES },
  { span: CANDLE_ROWS, parent: CANDLES },
  { span: { service: "sink", operation: "COPY candles" }, parent: CANDLE_ROWS },
  { span: { service: "sink", operation: "COMMIT" }, parent: CANDLE_ROWS },
];
