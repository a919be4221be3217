/** The overview: the flow of ticks from source to row, the objectives, what fires. */
import {
  OBJECTIVE_ALERTS,
  OBJECTIVE_RECORDS,
  OBJECTIVES,
  OBJECTIVES_INTERVAL_S,
  recordName,
} from "./objectives.ts";
import { AGGREGATOR_QUERIES } from "./aggregator.ts";
import type { Board } from "./board.ts";
import { LAG_QUERIES } from "./lag.ts";
import { PRODUCER_QUERIES } from "./producer.ts";
import type { Query } from "./query.ts";
import { STAGE_QUERIES } from "./service_row.ts";
import { SINK_QUERIES } from "./sink.ts";

const [FRESHNESS, LOSS] = OBJECTIVES as [typeof OBJECTIVES[0], typeof OBJECTIVES[0]];
const good = (objective: typeof FRESHNESS, window: "5m" | "1h"): Query => () =>
  `1 - ${recordName(objective, window)}`;
const FIRING: Query = () => 'sum by (alertname, severity) (ALERTS{alertstate="firing"})';

export const BOARD: Board = {
  name: "overview",
  title: "Overview",
  description: "From source to row: how many ticks, how far behind, how fresh, at each hop.",
  rows: [
    {
      title: "Flow: ticks a second",
      panels: [
        {
          title: "Accepted",
          description: "Ticks that the producer took in and Kafka has confirmed, a second.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: PRODUCER_QUERIES.sent, legend: "accepted" }],
          thresholds: {},
          alert: "FeedSilent",
          traces: "producer",
        },
        {
          title: "Taken into windows",
          description:
            "Records that the aggregator took, a second: the accepted ticks, and markers.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: STAGE_QUERIES.received("aggregator"), legend: "from {{from}}" }],
          thresholds: {},
          alert: "WatermarkStalled",
          traces: "aggregator",
        },
        {
          title: "Rows",
          description: "Rows committed, a second, by table: of ticks as many as were accepted.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: SINK_QUERIES.rows, legend: "{{table}}" }],
          thresholds: {},
          alert: "SinkSlow",
          traces: "sink",
        },
      ],
    },
    {
      title: "Lag and freshness at each hop",
      panels: [
        {
          title: "At the source",
          description: "Now less the event time of the last tick, by kind of source.",
          kind: "lines",
          unit: "s",
          queries: [{ query: PRODUCER_QUERIES.event_age, legend: "{{from}}" }],
          thresholds: {},
          alert: "FeedSilent",
        },
        {
          title: "Seconds behind",
          description: "Age of the oldest record that a group has not read.",
          kind: "lines",
          unit: "s",
          queries: [{ query: LAG_QUERIES.seconds, legend: "{{group}}" }],
          thresholds: { warn: 10, bad: 30 },
          alert: "ConsumerBehind",
        },
        {
          title: "Age since ingest",
          description:
            "From ingest until a tick's candles are published, and until it is a row: the " +
            "slowest 1 %.",
          kind: "lines",
          unit: "s",
          queries: [
            { query: AGGREGATOR_QUERIES.publish_age_p99, legend: "in candles" },
            { query: SINK_QUERIES.age_p99, legend: "a row" },
          ],
          thresholds: { warn: 0.5, bad: 1 },
          alert: "SinkSlow",
          traces: "sink",
        },
      ],
    },
    {
      title: "Objectives",
      panels: [
        {
          title: `Fresh ticks (objective ${FRESHNESS.target * 100} %)`,
          description:
            "Share of the accepted ticks that were rows within a second, over 5 minutes " +
            "and over an hour.",
          kind: "lines",
          unit: "percentunit",
          queries: [
            { query: good(FRESHNESS, "5m"), legend: "5 minutes" },
            { query: good(FRESHNESS, "1h"), legend: "hour" },
          ],
          thresholds: {},
          alert: "FreshnessBudgetBurnsFast",
        },
        {
          title: `Ticks that are kept (objective ${LOSS.target * 100} %)`,
          description:
            "Share of the accepted ticks that retention did not delete before they were " +
            "rows, over 5 minutes and over an hour.",
          kind: "lines",
          unit: "percentunit",
          queries: [
            { query: good(LOSS, "5m"), legend: "5 minutes" },
            { query: good(LOSS, "1h"), legend: "hour" },
          ],
          thresholds: {},
          alert: "LossBudgetBurnsFast",
        },
        {
          title: "Alerts that fire",
          description: "By name and severity. Nothing is drawn where none does. The red marks on " +
            "every panel are the same.",
          kind: "lines",
          unit: "short",
          queries: [{ query: FIRING, legend: "{{alertname}} ({{severity}})" }],
          thresholds: { bad: 1 },
        },
      ],
    },
  ],
  records: OBJECTIVE_RECORDS,
  rules_interval_s: OBJECTIVES_INTERVAL_S,
  alerts: OBJECTIVE_ALERTS,
};
