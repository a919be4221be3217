/** The broker's board and its alerts, from what its JMX exporter shows. */
import { BROKER_METRICS, PROCESS_METRICS } from "../infra/kafka/metrics.ts";
import { METRICS as LAG_METRICS } from "../services/lag/metrics.ts";
import type { Board } from "./board.ts";
import { alertScope, type Query, rate, series } from "./query.ts";

/** The broker's JVM and no other. */
const OURS = 'service="kafka"';
const HEAP = 'area="heap"';
const ALERT_SCOPE = alertScope("5m");
/** Whoever had an answer from the broker within this time has reached it. */
const REACHED_S = 10;
const HEAP_FULL = 0.9;

/** Whether the broker's exporter answers. */
export const BROKER_UP = 'up{job="kafka"}';

const requestTime = (of: string): Query => (scope) =>
  `max by (request) (${series(BROKER_METRICS.request_time, scope, `quantile="${of}"`)}) / 1000`;

/** What is asked of the broker. Its own totals leave out nothing; sums are over brokers. */
export const KAFKA_QUERIES = {
  up: ({ matchers }) => `up{job="kafka"${matchers === "" ? "" : `, ${matchers}`}}`,
  records_in: (scope) => `sum by (topic) (${rate(BROKER_METRICS.messages_in, scope)})`,
  bytes_in: (scope) => `sum by (topic) (${rate(BROKER_METRICS.bytes_in, scope)})`,
  bytes_out: (scope) => `sum by (topic) (${rate(BROKER_METRICS.bytes_out, scope)})`,
  log_size: (scope) => `sum by (topic) (${series(BROKER_METRICS.log_size, scope)})`,
  requests: (scope) => `sum by (request) (${rate(BROKER_METRICS.requests, scope)})`,
  errors: (scope) => `sum by (request, error) (${rate(BROKER_METRICS.request_errors, scope)})`,
  time_median: requestTime("0.5"),
  time_p99: requestTime("0.99"),
  handler_idle: (scope) => series(BROKER_METRICS.handler_idle, scope),
  connections: (scope) => `sum by (listener) (${series(BROKER_METRICS.connections, scope)})`,
  under_replicated: (scope) => `sum(${series(BROKER_METRICS.under_replicated, scope)})`,
  offline: (scope) => `sum by (service) (${series(BROKER_METRICS.offline_partitions, scope)})`,
  controllers: (scope) => `sum by (service) (${series(BROKER_METRICS.active_controllers, scope)})`,
  fenced: (scope) => `sum(${series(BROKER_METRICS.fenced_brokers, scope)})`,
  late_transactions: (scope) => `sum(${series(BROKER_METRICS.late_transactions, scope)})`,
  producers: (scope) => `sum(${series(BROKER_METRICS.producer_ids, scope)})`,
  commits: (scope) => `sum(${rate(BROKER_METRICS.offset_commits, scope)})`,
  rebalances: (scope) => `sum(${rate(BROKER_METRICS.rebalances, scope)})`,
  markers_without_broker: (scope) => `sum(${series(BROKER_METRICS.markers_without_broker, scope)})`,
  ends_to_log: (scope) => `sum(${series(BROKER_METRICS.ends_to_log, scope)})`,
  heap_used: (scope) => series(PROCESS_METRICS.memory_used, scope, OURS, HEAP),
  heap_max: (scope) => series(PROCESS_METRICS.memory_max, scope, OURS, HEAP),
  collecting: (scope) =>
    `sum by (instance) (${rate({ name: `${PROCESS_METRICS.collections.name}_sum` }, scope, OURS)})`,
} as const satisfies { [name: string]: Query };

/** Somebody else than Prometheus has its answers: the lag service, which asks every second. */
const reached = `on () (time() - max(${
  series(LAG_METRICS.looked_at, ALERT_SCOPE)
}) < ${REACHED_S})`;
const least_heap = `min_over_time(${KAFKA_QUERIES.heap_used(ALERT_SCOPE)}[${ALERT_SCOPE.window}])`;

export const BOARD: Board = {
  name: "kafka",
  title: "Kafka",
  description: "The broker as it measures itself: topics, requests, partitions, its JVM.",
  rows: [
    {
      title: "Broker",
      panels: [
        {
          title: "Answers",
          description: "1 while the broker's exporter answers Prometheus, 0 while it does not.",
          kind: "lines",
          unit: "none",
          queries: [{ query: KAFKA_QUERIES.up, legend: "{{instance}}" }],
          thresholds: {},
          alert: "BrokerDown",
        },
        {
          title: "Partitions at fault",
          description: "Offline: without a leader. Under-replicated: without a replica that it " +
            "should have. Late: a transaction is open for longer than any may be, and holds back " +
            "whoever reads committed records. All are 0 where all is well.",
          kind: "lines",
          unit: "short",
          queries: [
            { query: KAFKA_QUERIES.offline, legend: "offline" },
            { query: KAFKA_QUERIES.under_replicated, legend: "under-replicated" },
            { query: KAFKA_QUERIES.late_transactions, legend: "with a late transaction" },
          ],
          thresholds: { bad: 1 },
          alert: "KafkaPartitionsOffline",
        },
        {
          title: "Controllers",
          description: "One is active. A fenced broker is registered and may not work, as at its " +
            "start.",
          kind: "lines",
          unit: "short",
          queries: [
            { query: KAFKA_QUERIES.controllers, legend: "active" },
            { query: KAFKA_QUERIES.fenced, legend: "fenced brokers" },
          ],
          thresholds: {},
          alert: "KafkaControllerAbsent",
        },
      ],
    },
    {
      title: "Topics",
      panels: [
        {
          title: "Records in",
          description: "Records written, a second, by topic; markers of transactions are none.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: KAFKA_QUERIES.records_in, legend: "{{topic}}" }],
          thresholds: {},
        },
        {
          title: "Bytes in",
          description: "Bytes written, a second, by topic, as they came: compressed.",
          kind: "lines",
          unit: "Bps",
          queries: [{ query: KAFKA_QUERIES.bytes_in, legend: "{{topic}}" }],
          thresholds: {},
        },
        {
          title: "Bytes out",
          description: "Bytes fetched, a second, by topic: each group that reads it counts.",
          kind: "lines",
          unit: "Bps",
          queries: [{ query: KAFKA_QUERIES.bytes_out, legend: "{{topic}}" }],
          thresholds: {},
        },
        {
          title: "Size on the disk",
          description: "Bytes by topic. It grows up to the topic's retention; a compacted one " +
            "shrinks when it is cleaned.",
          kind: "lines",
          unit: "bytes",
          queries: [{ query: KAFKA_QUERIES.log_size, legend: "{{topic}}" }],
          thresholds: {},
        },
      ],
    },
    {
      title: "Requests",
      panels: [
        {
          title: "Request time, median",
          description: "From taking a request to its answer, by kind, as the broker itself " +
            "measures it over the last minutes. FetchConsumer waits for records: up to the " +
            "client's longest wait where none come.",
          kind: "lines",
          unit: "s",
          queries: [{ query: KAFKA_QUERIES.time_median, legend: "{{request}}" }],
          thresholds: { warn: 1, bad: 5 },
        },
        {
          title: "Request time, slowest 1 %",
          description: "The same of the slowest 1 %: a pause of the JVM or a slow disk shows here.",
          kind: "lines",
          unit: "s",
          queries: [{ query: KAFKA_QUERIES.time_p99, legend: "{{request}}" }],
          thresholds: { warn: 1, bad: 5 },
          alert: "TransactionsSlow",
        },
        {
          title: "Requests",
          description: "Requests a second, by kind.",
          kind: "lines",
          unit: "reqps",
          queries: [{ query: KAFKA_QUERIES.requests, legend: "{{request}}" }],
          thresholds: {},
        },
        {
          title: "Errors answered",
          description: "Errors that the broker has answered, a second, by kind of request. Some " +
            "belong to its way of working (CONCURRENT_TRANSACTIONS, REBALANCE_IN_PROGRESS) and " +
            "are tried again at once.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: KAFKA_QUERIES.errors, legend: "{{request}} {{error}}" }],
          thresholds: {},
        },
        {
          title: "Idle",
          description: "Share of the last minute in which the threads that work on requests had " +
            "nothing to do: near 0 the broker is at its limit.",
          kind: "lines",
          unit: "percentunit",
          queries: [{ query: KAFKA_QUERIES.handler_idle, legend: "{{instance}}" }],
          thresholds: {},
        },
        {
          title: "Connections",
          description: "Open connections, by listener: a line that climbs for ever is a client " +
            "that closes none.",
          kind: "lines",
          unit: "short",
          queries: [{ query: KAFKA_QUERIES.connections, legend: "{{listener}}" }],
          thresholds: {},
        },
      ],
    },
    {
      title: "Groups and transactions",
      panels: [
        {
          title: "Offsets committed",
          description: "Offsets committed, a second, by consumer groups and in transactions.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: KAFKA_QUERIES.commits, legend: "offsets" }],
          thresholds: {},
        },
        {
          title: "Rebalances",
          description: "Rebalances of consumer groups, a second. One comes with each consumer " +
            "that starts, stops or dies; groups that rebalance all the time do no work.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: KAFKA_QUERIES.rebalances, legend: "rebalances" }],
          thresholds: {},
        },
        {
          title: "Transactions whose end waits",
          description: "Markers that wait for a broker to be known, and ends that could not be " +
            "written to the coordinator's log. Both are 0 where all is well; until they are, " +
            "nobody who reads committed records gets further.",
          kind: "lines",
          unit: "short",
          queries: [
            { query: KAFKA_QUERIES.markers_without_broker, legend: "markers without a broker" },
            { query: KAFKA_QUERIES.ends_to_log, legend: "ends to be written" },
          ],
          thresholds: { warn: 1 },
          alert: "TransactionsSlow",
        },
        {
          title: "Producers known",
          description: "Idempotent and transactional producers, by partition, that the broker " +
            "remembers, each for a day: it climbs where clients are made anew all the time.",
          kind: "lines",
          unit: "short",
          queries: [{ query: KAFKA_QUERIES.producers, legend: "producers" }],
          thresholds: {},
        },
      ],
    },
    {
      title: "JVM",
      panels: [
        {
          title: "Heap",
          description: "Used, and the most there may be. It climbs and falls with each garbage " +
            "collection; what counts is how far it falls.",
          kind: "lines",
          unit: "bytes",
          queries: [
            { query: KAFKA_QUERIES.heap_used, legend: "used {{instance}}" },
            { query: KAFKA_QUERIES.heap_max, legend: "most {{instance}}" },
          ],
          thresholds: {},
          alert: "KafkaHeapFull",
        },
        {
          title: "Pauses of garbage collection",
          description: "Share of the time in which the broker stands still to collect garbage.",
          kind: "lines",
          unit: "percentunit",
          queries: [{ query: KAFKA_QUERIES.collecting, legend: "{{instance}}" }],
          thresholds: { warn: 0.05, bad: 0.2 },
          alert: "KafkaHeapFull",
        },
      ],
    },
  ],
  alerts: [
    {
      name: "BrokerDown",
      severity: "page",
      expression: `${BROKER_UP} == 0 unless ${reached}`,
      for_s: 15,
      // Consumers join their groups again, and catch up, before it is said to be over.
      keep_firing_s: 60,
      promised_s: 60,
      summary: "Kafka does not answer",
      description: "Neither Prometheus nor the lag service has an answer from the broker at " +
        "{{ $labels.instance }}: it has died, hangs, or can't be reached. No tick moves " +
        "meanwhile, and what follows from that is not told.",
    },
    {
      name: "BrokerUnobserved",
      severity: "ticket",
      expression: `${BROKER_UP} == 0 and ${reached}`,
      for_s: 60,
      promised_s: 150,
      summary: "Kafka answers, and its metrics do not come",
      description: "Prometheus can't scrape the exporter at {{ $labels.instance }} in the " +
        "broker's process, and the lag service has its answers: what the broker measures is not " +
        "known.",
    },
    {
      name: "KafkaControllerAbsent",
      severity: "page",
      expression: `${KAFKA_QUERIES.controllers(ALERT_SCOPE)} == 0`,
      for_s: 15,
      promised_s: 60,
      summary: "Kafka has no active controller",
      description: "The brokers answer, and none of them is the active controller: no topic, " +
        "leader or producer id can be had.",
    },
    {
      name: "KafkaPartitionsOffline",
      severity: "page",
      expression: `${KAFKA_QUERIES.offline(ALERT_SCOPE)} > 0`,
      for_s: 15,
      promised_s: 60,
      summary: "{{ $value }} partitions have no leader",
      description: "{{ $value }} partitions of Kafka have no leader: nobody can write to them or " +
        "read them.",
    },
    {
      name: "KafkaHeapFull",
      severity: "ticket",
      expression: `max by (service, instance) (${least_heap}) / max by (service, instance) (${
        KAFKA_QUERIES.heap_max(ALERT_SCOPE)
      }) > ${HEAP_FULL}`,
      for_s: 60,
      promised_s: 450,
      summary: "Kafka's heap is full to {{ $value | humanizePercentage }}",
      description: "The broker at {{ $labels.instance }} has used at least " +
        "{{ $value | humanizePercentage }} of its heap for 5 minutes, after each garbage " +
        "collection too: it gets slow, and then ends.",
    },
  ],
};
