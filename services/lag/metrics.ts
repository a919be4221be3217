/** What the lag service measures of every consumer group. */
import { DURATION_BUCKETS, errorsOf, type MetricTable } from "../../runtime/metric_table.ts";

const PARTITION = ["group", "topic", "partition"] as const;
const GROUP = ["group"] as const;

export const METRICS = {
  errors: errorsOf(["look", "partition", "group", "groups_left_out"]),
  look_duration: {
    name: "tapeline_lag_look_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "How long a look at all consumer groups took",
    labels: [],
    buckets: DURATION_BUCKETS,
  },
  looked_at: {
    name: "tapeline_lag_looked_timestamp_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "When all consumer groups were looked at last, in seconds since 1970",
    labels: [],
  },
  lag_records: {
    name: "tapeline_consumer_group_lag_records",
    kind: "gauge",
    unit: "records",
    help: "Offsets between the group's and the last stable one; 0 where no record is among them",
    labels: PARTITION,
  },
  lag_seconds: {
    name: "tapeline_consumer_group_lag_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "Age of the first record that the group has not read; 0 where there is none",
    labels: PARTITION,
  },
  trimmed_records: {
    name: "tapeline_consumer_group_trimmed_records",
    kind: "gauge",
    unit: "records",
    help: "Offsets that retention has deleted from behind the group's: what it can't read any more",
    labels: PARTITION,
  },
  lag_records_sum: {
    name: "tapeline_consumer_group_lag_records_sum",
    kind: "gauge",
    unit: "records",
    help: "Offsets that the group is behind, in all its partitions together",
    labels: GROUP,
  },
  lag_records_max: {
    name: "tapeline_consumer_group_lag_records_max",
    kind: "gauge",
    unit: "records",
    help: "Offsets that the group is behind, in the partition where it is furthest behind",
    labels: GROUP,
  },
  lag_seconds_max: {
    name: "tapeline_consumer_group_lag_seconds_max",
    kind: "gauge",
    unit: "seconds",
    help: "Age of the oldest record that the group has not read; 0 where there is none",
    labels: GROUP,
  },
  lag_growth: {
    name: "tapeline_consumer_group_lag_growth_records_per_second",
    kind: "gauge",
    unit: "records/second",
    help: "How fast the group falls behind, over the last minute; below 0 it catches up",
    labels: GROUP,
  },
  catch_up_seconds: {
    name: "tapeline_consumer_group_catch_up_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "When the group will have caught up, as it goes now; +Inf where it falls behind or stays",
    labels: GROUP,
  },
  members: {
    name: "tapeline_consumer_group_members",
    kind: "gauge",
    unit: "members",
    help: "Members of the group; 0 where no consumer lives",
    labels: GROUP,
  },
} as const satisfies MetricTable;
