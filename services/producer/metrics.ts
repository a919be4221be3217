/** What the producer measures. */
import {
  DURATION_BUCKETS,
  errorsOf,
  type MetricTable,
  STAGE_METRICS,
} from "../../runtime/metric_table.ts";

export const METRICS = {
  ...STAGE_METRICS,
  errors: errorsOf(["dead_letter_lost", "http_request", "feed_lost", "feed_error"]),
  queue_depth: {
    name: "tapeline_producer_queue_depth",
    kind: "gauge",
    unit: "ticks",
    help: "Ticks that wait to be sent to Kafka",
    labels: [],
  },
  last_event_time: {
    name: "tapeline_producer_last_event_time_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "Event time of the last tick that came in, seconds since the epoch, by kind of source",
    labels: ["from"],
  },
  http_duration: {
    name: "tapeline_producer_http_request_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "How long a request at the HTTP door took, until Kafka has what was accepted of it",
    labels: ["route", "status"],
    buckets: DURATION_BUCKETS,
    exemplars: true,
  },
  feed_connected: {
    name: "tapeline_producer_feed_connected",
    kind: "gauge",
    unit: "bool",
    help: "1 while the feed's connection is open, 0 while it is not",
    labels: ["from"],
  },
  feed_reconnects: {
    name: "tapeline_producer_feed_reconnects_total",
    kind: "counter",
    unit: "connections",
    help: "Times that a feed's connection was lost and made anew",
    labels: ["from"],
  },
  replay_progress: {
    name: "tapeline_producer_replay_progress_ratio",
    kind: "gauge",
    unit: "ratio",
    help: "Share of the replayed file's bytes that has been read",
    labels: [],
  },
} as const satisfies MetricTable;
