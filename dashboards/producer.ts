/** The producer's board and its alerts. */
import { METRICS } from "../services/producer/metrics.ts";
import type { Board } from "./board.ts";
import { alertScope, type Query, rate, series } from "./query.ts";
import { processRow } from "./process_row.ts";
import { serviceRow } from "./service_row.ts";

const OURS = 'service="producer"';

export const PRODUCER_QUERIES = {
  sent: (scope) => `sum(${rate(METRICS.sent, scope, OURS, 'to="ticks"')})`,
  queue_depth: (scope) => series(METRICS.queue_depth, scope),
  event_age: (scope) => `time() - max by (from) (${series(METRICS.last_event_time, scope)})`,
  connected: (scope) => series(METRICS.feed_connected, scope),
  reconnects: (scope) => `sum by (from) (${rate(METRICS.feed_reconnects, scope)})`,
  replay_progress: (scope) => series(METRICS.replay_progress, scope),
} as const satisfies { [name: string]: Query };

export const BOARD: Board = {
  name: "producer",
  job: "producer",
  title: "Producer",
  description: "Sources into Kafka: what comes in, what is refused, what waits.",
  rows: [
    serviceRow("producer", METRICS),
    {
      title: "Sources",
      panels: [
        {
          title: "Age of the newest tick",
          description: "Now less the event time of the last tick, by kind of source. A replay " +
            "shows how long ago its trades were.",
          kind: "lines",
          unit: "s",
          queries: [{ query: PRODUCER_QUERIES.event_age, legend: "{{from}}" }],
          thresholds: {},
          alert: "FeedSilent",
        },
        {
          title: "Ticks waiting for Kafka",
          description:
            "It grows where Kafka is slower than the sources; sources wait at its limit.",
          kind: "lines",
          unit: "short",
          queries: [{ query: PRODUCER_QUERIES.queue_depth, legend: "{{instance}}" }],
          thresholds: {},
        },
      ],
    },
    processRow("producer", METRICS),
  ],
  alerts: [
    {
      name: "FeedSilent",
      severity: "page",
      expression: `${PRODUCER_QUERIES.sent(alertScope("30s"))} == 0`,
      for_s: 15,
      promised_s: 75,
      summary: "No tick has come in for 30 s",
      description: "The producer lives and has sent nothing to Kafka for 30 s: its source is " +
        "silent, or Kafka takes nothing.",
    },
  ],
};
