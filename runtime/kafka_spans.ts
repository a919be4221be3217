/**
 * Spans over Kafka, by the messaging conventions
 * (https://opentelemetry.io/docs/specs/semconv/messaging/kafka/): one span a batch. It is a child of
 * the first sampled trace in the batch, so that the common case is one trace from source to row, and
 * has a link to each of the others.
 */
import type { IHeaders } from "kafkajs";
import { TRACEPARENT_HEADER } from "../contract/records.ts";
import { headerText } from "./kafka_record.ts";
import { openSpan, sampledContext, type Span, type SpanContext } from "./spans.ts";

/** Traces that a batch is linked with; OpenTelemetry keeps 128 links of a span. */
const CONTEXTS_MAX = 100;

/** The sampled contexts of a batch's records. */
export interface BatchContexts {
  /** Each once, in the order in which they came. */
  list: SpanContext[];
  /** Sampled records whose context was one too many. */
  left_out: number;
}

/** None yet. */
export function noContexts(): BatchContexts {
  return { list: [], left_out: 0 };
}

/** Takes note of a sampled context. */
export function noteContext(contexts: BatchContexts, found: SpanContext): void {
  // Records of one trace come one behind the other.
  if (contexts.list.at(-1)?.spanId === found.spanId) return;
  if (contexts.list.some(({ spanId }) => spanId === found.spanId)) return;
  if (contexts.list.length >= CONTEXTS_MAX) contexts.left_out++;
  else contexts.list.push(found);
}

/** Takes note of a record's context, where it carries one that is sampled. */
export function noteRecord(contexts: BatchContexts, headers: IHeaders | undefined): void {
  if (headers === undefined) return;
  const found = sampledContext(headerText(headers, TRACEPARENT_HEADER));
  if (found !== null) noteContext(contexts, found);
}

/** A span's own context, for what is sent within it. */
export function contextsOf(span: Span | null): BatchContexts {
  return { list: span === null ? [] : [span.spanContext()], left_out: 0 };
}

/** What a span over Kafka tells. */
export interface KafkaSpan {
  operation: "send" | "poll" | "process";
  topic: string;
  partition?: number;
  /** The records carry this span's own context, and not that of spans before it. */
  creates?: boolean;
  /** The consumer group, of whoever reads. */
  group?: string;
  message_count?: number;
  /** Offset of the first record. */
  offset?: string;
  /** When it began, ms since the epoch; absent: now. */
  started_at_ms?: number;
}

/** The conventions' kinds and types of the operations. */
const OPERATIONS = {
  send: { kind: "CLIENT", type: "send" },
  poll: { kind: "CLIENT", type: "receive" },
  process: { kind: "CONSUMER", type: "process" },
} as const;

/**
 * Opens the span of a batch.
 *
 * @param contexts The sampled contexts in it.
 * @returns Null where nothing in the batch is sampled: there is nothing to tell then.
 */
export function openKafkaSpan(contexts: BatchContexts, told: KafkaSpan): Span | null {
  const [parent, ...links] = contexts.list;
  if (parent === undefined) return null;
  const { operation, topic, partition, group, message_count, offset, started_at_ms } = told;
  const { kind, type } = OPERATIONS[operation];
  return openSpan(`${operation} ${topic}`, {
    kind: told.creates ? "PRODUCER" : kind,
    parent,
    links,
    ...(started_at_ms === undefined ? {} : { started_at_ms }),
    attributes: {
      "messaging.system": "kafka",
      "messaging.operation.name": operation,
      "messaging.operation.type": type,
      "messaging.destination.name": topic,
      ...(partition === undefined ? {} : { "messaging.destination.partition.id": `${partition}` }),
      ...(group === undefined ? {} : { "messaging.consumer.group.name": group }),
      ...(message_count === undefined ? {} : { "messaging.batch.message_count": message_count }),
      ...(offset === undefined ? {} : { "messaging.kafka.offset": Number(offset) }),
      ...(contexts.left_out === 0 ? {} : { "tapeline.contexts_left_out": contexts.left_out }),
    },
  });
}

/** When a fetch was under way, ms since the epoch. */
export interface FetchTime {
  started_at_ms: number;
  ended_at_ms: number;
}

/** Tells of the fetch that brought a batch: it is over by the time that its records are seen. */
export function tellPoll(
  contexts: BatchContexts,
  fetch: FetchTime | null,
  told: Omit<KafkaSpan, "operation" | "started_at_ms">,
): void {
  if (fetch === null) return;
  const { started_at_ms, ended_at_ms } = fetch;
  openKafkaSpan(contexts, { ...told, operation: "poll", started_at_ms })?.end(ended_at_ms);
}
