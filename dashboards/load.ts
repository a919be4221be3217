/** A load test from inside: what callers get, what waits, what is late, what it costs. */
import { METRICS as PRODUCER } from "../services/producer/metrics.ts";
import { AGGREGATOR_QUERIES } from "./aggregator.ts";
import type { Board } from "./board.ts";
import { LAG_QUERIES } from "./lag.ts";
import { PROCESS_METRICS } from "./process_row.ts";
import { PRODUCER_QUERIES } from "./producer.ts";
import { quantile, type Query, rate } from "./query.ts";
import { SINK_QUERIES } from "./sink.ts";

const requests = { name: `${PRODUCER.http_duration.name}_count` };

export const LOAD_QUERIES = {
  requests: (scope) => `sum by (route, status) (${rate(requests, scope)})`,
  request_median: (scope) => quantile(0.5, PRODUCER.http_duration, scope, ["route"]),
  request_p95: (scope) => quantile(0.95, PRODUCER.http_duration, scope, ["route"]),
  request_p99: (scope) => quantile(0.99, PRODUCER.http_duration, scope, ["route"]),
  cpu: (scope) => `sum by (service) (${rate(PROCESS_METRICS.cpu, scope)})`,
} as const satisfies { [name: string]: Query };

export const BOARD: Board = {
  name: "load",
  title: "Load test",
  description: "A load test as the platform sees it: callers, queues, lateness, cost.",
  rows: [
    {
      title: "Callers",
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
      ],
    },
  ],
  alerts: [],
};
