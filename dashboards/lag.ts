/** How far consumers are behind: the board and its alerts. */
import { METRICS } from "../services/lag/metrics.ts";
import type { Board } from "./board.ts";
import { alertScope, quantile, type Query, series } from "./query.ts";
import { processRow } from "./process_row.ts";
import { serviceRow } from "./service_row.ts";

const ALERT_SCOPE = alertScope("1m");

const maxOf = (row: { name: string }, labels: string): Query => (scope) =>
  `max by (${labels}) (${series(row, scope)})`;

/** What is asked of the groups. Several lag services tell the same, so the highest stands. */
export const LAG_QUERIES = {
  seconds: maxOf(METRICS.lag_seconds_max, "group"),
  records: maxOf(METRICS.lag_records_sum, "group"),
  partition_seconds: maxOf(METRICS.lag_seconds, "group, topic, partition"),
  growth: maxOf(METRICS.lag_growth, "group"),
  catch_up: maxOf(METRICS.catch_up_seconds, "group"),
  members: maxOf(METRICS.members, "group"),
  trimmed: maxOf(METRICS.trimmed_records, "group, topic, partition"),
  looked_ago: (scope) => `time() - ${series(METRICS.looked_at, scope)}`,
  look_duration: (scope) => quantile(0.99, METRICS.look_duration, scope, []),
} as const satisfies { [name: string]: Query };

const seconds = LAG_QUERIES.seconds(ALERT_SCOPE);
const members = LAG_QUERIES.members(ALERT_SCOPE);
const records = LAG_QUERIES.records(ALERT_SCOPE);
const partition_seconds = LAG_QUERIES.partition_seconds(ALERT_SCOPE);

/** Our groups have their services' names: what silences the one silences the other. */
const OF_SERVICE = { service: "{{ $labels.group }}" };
/** Seconds behind from which on a person should know. */
const BEHIND_S = 30;
/** A partition that is so far behind while its group's best is not. */
const STUCK_S = 60;

export const BOARD: Board = {
  name: "lag",
  job: "lag",
  title: "Consumer lag",
  description: "How far every consumer group is behind, in records and in seconds, from outside.",
  rows: [
    {
      title: "Groups",
      panels: [
        {
          title: "Seconds behind",
          description:
            "Age of the oldest record that the group has not read. 0 where it has read " +
            "all.",
          kind: "lines",
          unit: "s",
          queries: [{ query: LAG_QUERIES.seconds, legend: "{{group}}" }],
          thresholds: { warn: 10, bad: BEHIND_S },
          alert: "ConsumerBehind",
        },
        {
          title: "Records behind",
          description: "Offsets between the group's and the last stable one, all partitions " +
            "together.",
          kind: "lines",
          unit: "short",
          queries: [{ query: LAG_QUERIES.records, legend: "{{group}}" }],
          thresholds: {},
        },
        {
          title: "Growth of the lag",
          description: "Records a second over the last minute: above 0 the group falls behind, " +
            "below 0 it catches up.",
          kind: "lines",
          unit: "cps",
          queries: [{ query: LAG_QUERIES.growth, legend: "{{group}}" }],
          thresholds: {},
          alert: "ConsumerFallsBehind",
        },
        {
          title: "Caught up in",
          description: "When the group will have read all, as it goes now: infinite where it " +
            "does not get nearer, 0 where it is not behind.",
          kind: "figure",
          unit: "s",
          queries: [{ query: LAG_QUERIES.catch_up, legend: "{{group}}" }],
          thresholds: { warn: 60, bad: 600 },
        },
        {
          title: "Members",
          description: "Living consumers of the group.",
          kind: "lines",
          unit: "short",
          queries: [{ query: LAG_QUERIES.members, legend: "{{group}}" }],
          thresholds: {},
          alert: "ConsumerDead",
        },
        {
          title: "Lost to retention",
          description:
            "Offsets behind the group's that retention has deleted: above 0 means that " +
            "records are lost for it.",
          kind: "lines",
          unit: "short",
          queries: [{ query: LAG_QUERIES.trimmed, legend: "{{group}} {{topic}}/{{partition}}" }],
          thresholds: { bad: 1 },
          alert: "ConsumerTrimmed",
        },
      ],
    },
    {
      title: "Partitions",
      panels: [
        {
          title: "Seconds behind, by partition",
          description: "One partition far above its fellows is stuck; all of them alike is load.",
          kind: "lines",
          unit: "s",
          queries: [
            { query: LAG_QUERIES.partition_seconds, legend: "{{group}} {{topic}}/{{partition}}" },
          ],
          thresholds: { warn: 10, bad: STUCK_S },
          alert: "PartitionStuck",
        },
      ],
    },
    serviceRow("lag", METRICS),
    {
      title: "Looks",
      panels: [
        {
          title: "Last look",
          description: "Seconds since the groups were looked at: what is shown is so old.",
          kind: "lines",
          unit: "s",
          queries: [{ query: LAG_QUERIES.looked_ago, legend: "{{instance}}" }],
          thresholds: { warn: 10, bad: 30 },
          alert: "LagUnknown",
        },
        {
          title: "Look duration",
          description: "How long the slowest 1 % of the looks took.",
          kind: "lines",
          unit: "s",
          queries: [{ query: LAG_QUERIES.look_duration, legend: "p99" }],
          thresholds: { warn: 1, bad: 5 },
        },
      ],
    },
    processRow("lag", METRICS),
  ],
  alerts: [
    {
      name: "ConsumerBehind",
      severity: "page",
      labels: OF_SERVICE,
      expression: `${seconds} > ${BEHIND_S}`,
      for_s: 10,
      promised_s: BEHIND_S + 45,
      summary: "{{ $labels.group }} is {{ $value | humanizeDuration }} behind",
      description: "The oldest record that group {{ $labels.group }} has not read is " +
        "{{ $value | humanizeDuration }} old.",
    },
    {
      name: "ConsumerFallsBehind",
      severity: "ticket",
      labels: OF_SERVICE,
      expression: `${LAG_QUERIES.growth(ALERT_SCOPE)} > 0 and ${seconds} > 10 and ${members} > 0`,
      for_s: 60,
      promised_s: 150,
      summary: "{{ $labels.group }} falls behind by {{ $value | humanize }} records a second",
      description: "Group {{ $labels.group }} lives, and yet its lag grows by " +
        "{{ $value | humanize }} records a second. As it is, it never catches up.",
    },
    {
      name: "ConsumerDead",
      severity: "page",
      labels: OF_SERVICE,
      expression: `${members} == 0 and ${records} > 0`,
      for_s: 25,
      promised_s: 60,
      summary: "{{ $labels.group }} has no consumer",
      description: "Records wait for group {{ $labels.group }}, and no consumer lives in it.",
    },
    {
      name: "PartitionStuck",
      severity: "page",
      labels: OF_SERVICE,
      expression: `${partition_seconds} > ${STUCK_S} and on (group) ${members} > 0 ` +
        `and on (group) min by (group) (${partition_seconds}) < ${STUCK_S / 2}`,
      for_s: 30,
      promised_s: STUCK_S + 60,
      summary: "{{ $labels.group }} is stuck at {{ $labels.topic }}/{{ $labels.partition }}",
      description:
        "Group {{ $labels.group }} is near the end of other partitions, and the oldest " +
        "record it has not read of {{ $labels.topic }}/{{ $labels.partition }} is " +
        "{{ $value | humanizeDuration }} old.",
    },
    {
      name: "ConsumerTrimmed",
      severity: "page",
      labels: OF_SERVICE,
      expression: `${LAG_QUERIES.trimmed(ALERT_SCOPE)} > 0`,
      for_s: 0,
      promised_s: 30,
      summary: "{{ $labels.group }} has lost {{ $value }} records to retention",
      description: "Retention has deleted {{ $value }} records of {{ $labels.topic }}/" +
        "{{ $labels.partition }} that group {{ $labels.group }} had not read.",
    },
    {
      name: "LagUnknown",
      severity: "page",
      expression: `${LAG_QUERIES.looked_ago(ALERT_SCOPE)} > 30`,
      for_s: 5,
      promised_s: 60,
      summary: "Nobody knows how far consumers are behind",
      description: "The lag service at {{ $labels.instance }} has not been able to look for " +
        "{{ $value | humanizeDuration }}: no alert on lag can fire.",
    },
  ],
};
