/** Metrics as data: what a service measures, in a table that dashboards and alerts import too. */

/** One metric. Names follow Prometheus' conventions: base units, `_total`, `_seconds`. */
export interface MetricRow {
  name: `tapeline_${string}`;
  kind: "counter" | "gauge" | "histogram";
  /** Base unit: seconds, bytes, records, ratio, … */
  unit: string;
  help: string;
  labels: readonly string[];
  /**
   * All values of a counter's one label. Each is told as 0 from the start: the first increase of a
   * series that was not there before is no increase to Prometheus.
   */
  values?: readonly string[];
  /** Upper bounds of a histogram's buckets, in its unit. */
  buckets?: readonly number[];
  /** The histogram carries exemplars: an observation may name the trace that it belongs to. */
  exemplars?: true;
}

/** A service's metrics by the name that code uses. */
export type MetricTable = { readonly [name: string]: MetricRow };

/** Buckets for durations within a process, in seconds: 0.5 ms to 30 s. */
export const DURATION_BUCKETS = [
  0.0005,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
] as const;

/** What every service shows of itself; `runService` sets it. */
export const SERVICE_METRICS = {
  ready: {
    name: "tapeline_ready",
    kind: "gauge",
    unit: "bool",
    help: "1 while the service can do its work, 0 while it can't: /ready says why",
    labels: [],
  },
  build_info: {
    name: "tapeline_build_info",
    kind: "gauge",
    unit: "bool",
    help: "1, with what the process was made of in its labels",
    labels: ["version", "deno"],
  },
  clock: {
    name: "tapeline_clock_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "The service's clock as it was asked, in seconds since 1970",
    labels: [],
  },
  event_loop_delay: {
    name: "tapeline_event_loop_delay_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "How much later than it was due a timer of 100 ms came: what blocks the event loop",
    labels: [],
    buckets: DURATION_BUCKETS,
  },
  kafka_requests: {
    name: "tapeline_kafka_request_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "How long Kafka took to answer, by request; a fetch waits for records",
    labels: ["request"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15],
  },
  kafka_request_errors: {
    name: "tapeline_kafka_request_errors_total",
    kind: "counter",
    unit: "requests",
    help: "Requests to Kafka that failed, by request and error; those worth it are sent again",
    labels: ["request", "error"],
  },
  canary: {
    name: "tapeline_instrumentation_arrives",
    kind: "gauge",
    unit: "bool",
    help: "1 where the part of the telemetry was seen to arrive, 0 where it was not",
    labels: ["part"],
  },
} as const satisfies MetricTable;

/**
 * What every stage measures, by these names: the four counters and how long a batch takes.
 * One function draws each service's first dashboard row from them.
 */
export const STAGE_METRICS = {
  received: {
    name: "tapeline_records_received_total",
    kind: "counter",
    unit: "records",
    help: "Records that came into the stage",
    labels: ["from"],
  },
  sent: {
    name: "tapeline_records_sent_total",
    kind: "counter",
    unit: "records",
    help: "Records that the stage handed on and that were confirmed",
    labels: ["to"],
  },
  discarded: {
    name: "tapeline_records_discarded_total",
    kind: "counter",
    unit: "records",
    help: "Records that the stage refused, by reason; each is in the dead letters or was answered",
    labels: ["reason"],
  },
  errors: {
    name: "tapeline_errors_total",
    kind: "counter",
    unit: "errors",
    help: "Errors that the stage met and dealt with, by kind",
    labels: ["kind"],
  },
  duration: {
    name: "tapeline_batch_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "How long the stage took for a batch, from taking it to its confirmation",
    labels: [],
    buckets: DURATION_BUCKETS,
    exemplars: true,
  },
} as const satisfies MetricTable;

/**
 * The errors of a service, by all the kinds that it meets.
 *
 * @param kinds What it counts errors as, and nothing else.
 */
export function errorsOf<const Kinds extends readonly string[]>(
  kinds: Kinds,
): typeof STAGE_METRICS.errors & { readonly values: Kinds } {
  return { ...STAGE_METRICS.errors, values: kinds };
}

/** What every stage measures that reads a topic. */
export const READER_METRICS = {
  trimmed: {
    name: "tapeline_records_trimmed_total",
    kind: "counter",
    unit: "records",
    help: "Records that the topic's retention deleted before this stage had read them",
    labels: [],
  },
  rebalance_duration: {
    name: "tapeline_kafka_rebalance_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "How long the instance took to join its consumer group, at each rebalance",
    labels: [],
    buckets: DURATION_BUCKETS,
  },
} as const satisfies MetricTable;
