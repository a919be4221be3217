/** The row about a service's process, the same on every service's board; and its alerts. */
import { type MetricTable, READER_METRICS, SERVICE_METRICS } from "../runtime/metric_table.ts";
import type { Alert, Panel, Row } from "./board.ts";
import { alertScope, quantile, type Query, rate, series } from "./query.ts";

/** Of prom-client's own metrics, those that are shown. */
export const PROCESS_METRICS = {
  cpu: { name: "process_cpu_seconds_total" },
  memory: { name: "process_resident_memory_bytes" },
} as const;

const byService = (service: string): string => `service="${service}"`;
const { event_loop_delay, kafka_requests, canary, build_info, clock } = SERVICE_METRICS;

const QUERIES = {
  cpu: (service: string): Query => (scope) => rate(PROCESS_METRICS.cpu, scope, byService(service)),
  memory: (service: string): Query => (scope) =>
    series(PROCESS_METRICS.memory, scope, byService(service)),
  loop: (of: number) => (service: string): Query => (scope) =>
    quantile(of, event_loop_delay, scope, ["instance"], byService(service)),
  requests: (service: string): Query => (scope) =>
    `sum by (request) (${
      rate({ name: `${kafka_requests.name}_count` }, scope, byService(service))
    })`,
  request_p99: (service: string): Query => (scope) =>
    quantile(0.99, kafka_requests, scope, ["request"], byService(service), 'request!="Fetch"'),
  rebalances: (service: string): Query => (scope) =>
    `sum(increase(${
      series({ name: `${READER_METRICS.rebalance_duration.name}_count` }, {
        ...scope,
        matchers: [byService(service), scope.matchers].filter(Boolean).join(", "),
      })
    }[${scope.window}]))`,
  rebalance_p99: (service: string): Query => (scope) =>
    quantile(0.99, READER_METRICS.rebalance_duration, scope, [], byService(service)),
  arrives: (service: string): Query => (scope) => series(canary, scope, byService(service)),
  build: (service: string): Query => (scope) => series(build_info, scope, byService(service)),
};

/**
 * What the process costs, and how it gets on with Kafka.
 *
 * @param service The service.
 * @param metrics Its table: a reader of Kafka has more.
 */
export function processRow(service: string, metrics: MetricTable): Row {
  const panels: Panel[] = [
    {
      title: "CPU",
      description: "Share of one core, by instance. A service is one thread, so that 1 is its end.",
      kind: "lines",
      unit: "percentunit",
      queries: [{ query: QUERIES.cpu(service), legend: "{{instance}}" }],
      thresholds: { warn: 0.8, bad: 0.95 },
    },
    {
      title: "Memory",
      description: "Resident memory, by instance. It stays level: all queues have limits.",
      kind: "lines",
      unit: "bytes",
      queries: [{ query: QUERIES.memory(service), legend: "{{instance}}" }],
      thresholds: {},
    },
    {
      title: "Event loop delay",
      description: "How much later than due a timer came: the median and the slowest 1 %. While " +
        "the loop is blocked nothing else is done, heartbeats included.",
      kind: "lines",
      unit: "s",
      queries: [
        { query: QUERIES.loop(0.5)(service), legend: "{{instance}} median" },
        { query: QUERIES.loop(0.99)(service), legend: "{{instance}} p99" },
      ],
      thresholds: { warn: 0.1, bad: 1 },
      alert: "EventLoopBlocked",
    },
    {
      title: "Kafka requests",
      description: "Requests that Kafka answered, a second, by kind.",
      kind: "lines",
      unit: "reqps",
      queries: [{ query: QUERIES.requests(service), legend: "{{request}}" }],
      thresholds: {},
    },
    {
      title: "Kafka request duration",
      description: "The slowest 1 % by kind, as the client sees it; fetches are left out, since " +
        "they wait for records.",
      kind: "lines",
      unit: "s",
      queries: [{ query: QUERIES.request_p99(service), legend: "{{request}}" }],
      thresholds: { warn: 0.5, bad: 5 },
    },
    ...("rebalance_duration" in metrics ? rebalancePanels(service) : []),
    {
      title: "Telemetry arrives",
      description: "1 where the part of the service's telemetry was seen to arrive. Spans are a " +
        "part of it where traces are on.",
      kind: "lines",
      unit: "none",
      queries: [{ query: QUERIES.arrives(service), legend: "{{part}}" }],
      thresholds: {},
      alert: "InstrumentationBlind",
    },
    {
      title: "Version",
      description: "What runs, by instance: two versions at once are a rollout under way.",
      kind: "figure",
      unit: "none",
      queries: [{ query: QUERIES.build(service), legend: "{{version}} on Deno {{deno}}" }],
      thresholds: {},
    },
  ];
  return { title: "Process", panels };
}

function rebalancePanels(service: string): Panel[] {
  return [
    {
      title: "Rebalances",
      description:
        "Times that the group was joined in the last minutes: at a start, and whenever " +
        "a member comes or goes.",
      kind: "lines",
      unit: "short",
      queries: [{ query: QUERIES.rebalances(service), legend: "rebalances" }],
      thresholds: {},
    },
    {
      title: "Rebalance duration",
      description:
        "How long joining took, the slowest 1 %: nothing is read meanwhile. Nothing is " +
        "drawn where there was none.",
      kind: "lines",
      unit: "s",
      queries: [{ query: QUERIES.rebalance_p99(service), legend: "p99" }],
      thresholds: { warn: 5, bad: 20 },
    },
  ];
}

/** How far a clock may be off: further, and ages and windows are wrong by it. */
const CLOCK_SKEW_S = 5;
/** What blocks longer than this comes near to a session's end. */
const LOOP_DELAY_S = 1;

/** Alerts over all services' processes at once. */
export const PROCESS_ALERTS: readonly Alert[] = [
  {
    name: "EventLoopBlocked",
    severity: "ticket",
    expression: `${
      quantile(0.99, event_loop_delay, alertScope("1m"), ["service", "instance"])
    } > ${LOOP_DELAY_S}`,
    for_s: 60,
    promised_s: 180,
    summary: "{{ $labels.service }} is blocked for {{ $value | humanizeDuration }} at a time",
    description: "Timers of {{ $labels.service }} at {{ $labels.instance }} come " +
      "{{ $value | humanizeDuration }} late: its only thread is at work on something long, or the " +
      "machine has no CPU left.",
  },
  {
    name: "InstrumentationBlind",
    severity: "ticket",
    expression: `${series(canary, alertScope("1m"))} == 0`,
    for_s: 60,
    promised_s: 120,
    summary: "{{ $labels.service }} runs blind: its {{ $labels.part }} do not arrive",
    description:
      "The {{ $labels.part }} of {{ $labels.service }} at {{ $labels.instance }} do not " +
      "arrive. It works, but what goes wrong with it is not seen.",
  },
  {
    name: "ClockSkew",
    severity: "ticket",
    expression: `abs(${series(clock, alertScope("1m"))} - timestamp(${
      series(clock, alertScope("1m"))
    })) > ${CLOCK_SKEW_S}`,
    for_s: 60,
    promised_s: 120,
    summary: "The clock of {{ $labels.service }} is {{ $value | humanizeDuration }} off",
    description:
      "The clocks of {{ $labels.service }} at {{ $labels.instance }} and of Prometheus " +
      "differ by {{ $value | humanizeDuration }}: ages, lag and what is refused as too far in the " +
      "future are wrong by as much.",
  },
];
