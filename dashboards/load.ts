/** A load test: what callers get, what waits, what is late, what it costs, on one time axis. */
import { METRICS as PRODUCER } from "../services/producer/metrics.ts";
import { AGGREGATOR_QUERIES } from "./aggregator.ts";
import type { Board } from "./board.ts";
import { LAG_QUERIES } from "./lag.ts";
import { PROCESS_METRICS } from "./process_row.ts";
import { PRODUCER_QUERIES } from "./producer.ts";
import { quantile, type Query, rate, series } from "./query.ts";
import { SINK_QUERIES } from "./sink.ts";

/** What k6 writes to Prometheus, as far as it is shown: durations as native histograms. */
const K6_METRICS = {
  requests: { name: "k6_http_reqs_total" },
  duration: { name: "k6_http_req_duration_seconds" },
  dropped: { name: "k6_dropped_iterations_total" },
  virtual_users: { name: "k6_vus" },
} as const;
/** Requests of the measured part; those of the warm-up, and k6's own to Prometheus, are tagged else. */
const MEASURED = 'asked="door"';
/** Dropped requests k6 tells by scenario alone. */
const NOT_WARM = 'scenario!~"warm_.*"';

const requestDuration = (of: number): Query => (scope) =>
  `histogram_quantile(${of}, sum(${rate(K6_METRICS.duration, scope, MEASURED)}))`;

/** What k6 has seen of the platform. */
export const K6_QUERIES = {
  requests: (scope) => `sum by (asked, status) (${rate(K6_METRICS.requests, scope)})`,
  door_median: requestDuration(0.5),
  door_p95: requestDuration(0.95),
  door_p99: requestDuration(0.99),
  door_failed: (scope) =>
    `sum(${rate(K6_METRICS.requests, scope, MEASURED, 'expected_response="false"')}) / ` +
    `sum(${rate(K6_METRICS.requests, scope, MEASURED)})`,
  dropped: (scope) => `sum(${rate(K6_METRICS.dropped, scope, NOT_WARM)})`,
  virtual_users: (scope) => `sum(${series(K6_METRICS.virtual_users, scope)})`,
} as const satisfies { [name: string]: Query };

const requests = { name: `${PRODUCER.http_duration.name}_count` };

export const LOAD_QUERIES = {
  requests: (scope) => `sum by (route, status) (${rate(requests, scope)})`,
  request_median: (scope) => quantile(0.5, PRODUCER.http_duration, scope, ["route"]),
  request_p95: (scope) => quantile(0.95, PRODUCER.http_duration, scope, ["route"]),
  request_p99: (scope) => quantile(0.99, PRODUCER.http_duration, scope, ["route"]),
  memory: (scope) => `sum by (service) (${series(PROCESS_METRICS.memory, scope)})`,
  alerts: () => 'sum by (alertname) (ALERTS{alertstate="firing"})',
  cpu: (scope) => `sum by (service) (${rate(PROCESS_METRICS.cpu, scope)})`,
} as const satisfies { [name: string]: Query };

export const BOARD: Board = {
  name: "load",
  title: "Load test",
  description: "A load test as k6 and as the platform sees it: callers, queues, lateness, cost.",
  rows: [
    {
      title: "As k6 has it",
      panels: [
        {
          title: "Requests sent",
          description: "Requests a second by status; `warm` is before the measured part, " +
            "`prometheus` is what k6 asks there.",
          kind: "lines",
          unit: "reqps",
          queries: [{ query: K6_QUERIES.requests, legend: "{{asked}} {{status}}" }],
          thresholds: {},
        },
        {
          title: "Duration for callers",
          description: "Of the measured requests, from k6's native histogram: the promise is " +
            "20 ms for 95 %.",
          kind: "lines",
          unit: "s",
          queries: [
            { query: K6_QUERIES.door_median, legend: "median" },
            { query: K6_QUERIES.door_p95, legend: "p95" },
            { query: K6_QUERIES.door_p99, legend: "p99" },
          ],
          thresholds: { warn: 0.02 },
        },
        {
          title: "Callers under way",
          description: "Virtual users that k6 has made, and requests a second that were due and " +
            "that none was free for: the load is then less than it says. Nothing is drawn of " +
            "those where there are none.",
          kind: "lines",
          unit: "short",
          queries: [
            { query: K6_QUERIES.virtual_users, legend: "virtual users" },
            { query: K6_QUERIES.dropped, legend: "dropped" },
          ],
          thresholds: {},
        },
      ],
    },
    {
      title: "At the door",
      panels: [
        {
          title: "Requests",
          description:
            "Requests at the HTTP door, a second, by route and status: 202 is stored in " +
            "Kafka, 429 is told to come again.",
          kind: "lines",
          unit: "reqps",
          queries: [{ query: LOAD_QUERIES.requests, legend: "{{route}} {{status}}" }],
          thresholds: {},
          traces: "producer",
        },
        {
          title: "Request duration",
          description: "Until Kafka has what was accepted: median, p95, p99, by route.",
          kind: "lines",
          unit: "s",
          queries: [
            { query: LOAD_QUERIES.request_median, legend: "{{route}} median" },
            { query: LOAD_QUERIES.request_p95, legend: "{{route}} p95" },
            { query: LOAD_QUERIES.request_p99, legend: "{{route}} p99" },
          ],
          thresholds: { warn: 0.25, bad: 1 },
          traces: "producer",
        },
        {
          title: "Accepted",
          description: "Ticks that Kafka has confirmed, a second.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: PRODUCER_QUERIES.sent, legend: "ticks" }],
          thresholds: {},
        },
      ],
    },
    {
      title: "What it does to the platform",
      panels: [
        {
          title: "Waiting for Kafka",
          description:
            "Ticks in the producer's queue: it grows where Kafka is slower than callers.",
          kind: "lines",
          unit: "short",
          queries: [{ query: PRODUCER_QUERIES.queue_depth, legend: "{{instance}}" }],
          thresholds: {},
        },
        {
          title: "Seconds behind",
          description:
            "Age of the oldest record that a group has not read: flat is well, a ramp is " +
            "more load than it takes.",
          kind: "lines",
          unit: "s",
          queries: [{ query: LAG_QUERIES.seconds, legend: "{{group}}" }],
          thresholds: { warn: 1, bad: 30 },
          alert: "ConsumerBehind",
        },
        {
          title: "Age since ingest",
          description: "Until a tick's candles are published and until it is a row: slowest 1 %.",
          kind: "lines",
          unit: "s",
          queries: [
            { query: AGGREGATOR_QUERIES.publish_age_p99, legend: "in candles" },
            { query: SINK_QUERIES.age_p99, legend: "a row" },
          ],
          thresholds: { warn: 0.5, bad: 1 },
          traces: "sink",
        },
        {
          title: "CPU by service",
          description: "Cores that each service uses; one instance can use one.",
          kind: "lines",
          unit: "percentunit",
          queries: [{ query: LOAD_QUERIES.cpu, legend: "{{service}}" }],
          thresholds: {},
        },
        {
          title: "Memory by service",
          description: "Resident memory. Over hours of one load it stays level.",
          kind: "lines",
          unit: "bytes",
          queries: [{ query: LOAD_QUERIES.memory, legend: "{{service}}" }],
          thresholds: {},
        },
        {
          title: "Alerts that fire",
          description: "By name. Nothing is drawn where none does.",
          kind: "lines",
          unit: "short",
          queries: [{ query: LOAD_QUERIES.alerts, legend: "{{alertname}}" }],
          thresholds: { bad: 1 },
        },
      ],
    },
  ],
  alerts: [],
};
