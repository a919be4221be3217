/** For tests: when each alert fires, with which words, and when it does not. */

/**
 * A case of an alert: some series, and what is firing at a moment. Times and labels are written out,
 * so that a changed rule changes a test.
 */
export interface Case {
  alert: string;
  what: string;
  /** By series in Prometheus' notation: a sample every 5 s, in promtool's. */
  series: { [series: string]: string };
  at: string;
  fires: { labels: { [label: string]: string }; summary: string; description: string }[];
}

const READY = 'tapeline_ready{service="sink", instance="a:1", job="sink"}';
const GROUP = '{group="sink"}';
const PLACE = (partition: number) => `{group="sink", topic="ticks", partition="${partition}"}`;

export const CASES: readonly Case[] = [
  {
    alert: "ServiceNotReady",
    what: "not ready for longer than 30 s",
    series: { [READY]: "1x2 0x20" },
    at: "50s",
    fires: [{
      labels: { service: "sink", instance: "a:1", job: "sink", severity: "page" },
      summary: "sink can't do its work",
      description: "sink at a:1 has not been ready for 30 s: it can't reach a server, or has no " +
        "partitions. Its /ready says why.",
    }],
  },
  {
    alert: "ServiceNotReady",
    what: "not ready for a moment, as at every start",
    series: { [READY]: "0x4 1x20" },
    at: "50s",
    fires: [],
  },
  {
    alert: "TargetAbsent",
    what: "no answer for three scrapes",
    series: { 'up{job="sink", service="sink", instance="a:1"}': "1 1 0x10" },
    at: "30s",
    fires: [{
      labels: { job: "sink", service: "sink", instance: "a:1", severity: "page" },
      summary: "sink does not answer",
      description:
        "Prometheus can't scrape sink at a:1: the process has died, hangs, or can't be " +
        "reached. What it measures is not known meanwhile.",
    }],
  },
  {
    alert: "TargetAbsent",
    what: "one scrape that failed",
    series: { 'up{job="sink", service="sink", instance="a:1"}': "1 1 0 1x10" },
    at: "30s",
    fires: [],
  },
  {
    alert: "RestartLoop",
    what: "three starts on the same port",
    series: {
      'process_start_time_seconds{service="sink", instance="a:1"}': "1x5 2x5 3x5 4x5",
    },
    at: "120s",
    fires: [{
      labels: { service: "sink", severity: "page" },
      summary: "sink is started again and again",
      description: "sink was started 3 times within 10 minutes.",
    }],
  },
  {
    alert: "RestartLoop",
    what: "three starts, each on a port of its own",
    series: {
      'process_start_time_seconds{service="sink", instance="a:1"}': "1x5 stale",
      'process_start_time_seconds{service="sink", instance="a:2"}': "_x6 2x5 stale",
      'process_start_time_seconds{service="sink", instance="a:3"}': "_x12 3x5 stale",
      'process_start_time_seconds{service="sink", instance="a:4"}': "_x18 4x20",
    },
    at: "180s",
    fires: [{
      labels: { service: "sink", severity: "page" },
      summary: "sink is started again and again",
      description: "sink was started 3 times within 10 minutes.",
    }],
  },
  {
    alert: "RestartLoop",
    what: "one restart, and two instances that live",
    series: {
      'process_start_time_seconds{service="sink", instance="a:1"}': "1x40",
      'process_start_time_seconds{service="sink", instance="a:2"}': "1x5 2x35",
    },
    at: "120s",
    fires: [],
  },
  {
    alert: "ServiceErrors",
    what: "twelve errors in a minute",
    series: {
      'tapeline_errors_total{service="sink", kind="database", instance="a:1"}': "0+1x60",
    },
    at: "300s",
    fires: [{
      labels: { service: "sink", kind: "database", severity: "ticket" },
      summary: "sink meets errors of kind database",
      description:
        "sink met 60 errors of kind database within 5 minutes. It deals with them; its " +
        "log says what they are.",
    }],
  },
  {
    alert: "ServiceErrors",
    what: "one error",
    series: {
      'tapeline_errors_total{service="sink", kind="database", instance="a:1"}': "0x30 1x30",
    },
    at: "300s",
    fires: [],
  },
  {
    alert: "DeadLettersGrow",
    what: "one refused record a second",
    series: {
      'tapeline_records_discarded_total{service="sink", reason="late", instance="a:1"}': "0+5x60",
    },
    at: "120s",
    fires: [{
      labels: { service: "sink", reason: "late", severity: "ticket" },
      summary: "sink refuses records: late",
      description: "sink refuses 1 records a second for late. They are in the dead letters, or " +
        "were answered to their caller.",
    }],
  },
  {
    alert: "DeadLettersGrow",
    what: "what was refused long ago",
    series: {
      'tapeline_records_discarded_total{service="sink", reason="late", instance="a:1"}': "7x60",
    },
    at: "120s",
    fires: [],
  },
  {
    alert: "FeedSilent",
    what: "nothing sent, by a producer that lives",
    series: {
      'tapeline_records_sent_total{service="producer", to="ticks", instance="a:1"}':
        "0+50x12 600x60",
    },
    at: "150s",
    fires: [{
      labels: { severity: "page" },
      summary: "No tick has come in for 30 s",
      description: "The producer lives and has sent nothing to Kafka for 30 s: its source is " +
        "silent, or Kafka takes nothing.",
    }],
  },
  {
    alert: "FeedSilent",
    what: "a tick every ten seconds",
    series: {
      'tapeline_records_sent_total{service="producer", to="ticks", instance="a:1"}':
        "0 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 10 10 11 11 12 12 13 13 14 14 15 15",
    },
    at: "150s",
    fires: [],
  },
  {
    alert: "TransactionsSlow",
    what: "every transaction takes three seconds",
    series: {
      'tapeline_transaction_duration_seconds_bucket{le="2.5", instance="a:1"}': "0x60",
      'tapeline_transaction_duration_seconds_bucket{le="5", instance="a:1"}': "0+5x60",
      'tapeline_transaction_duration_seconds_bucket{le="+Inf", instance="a:1"}': "0+5x60",
    },
    at: "180s",
    fires: [{
      labels: { severity: "ticket" },
      summary: "Kafka transactions take 4.975s",
      description: "The slowest 1 % of the aggregator's transactions take 4.975s: candles are " +
        "that late.",
    }],
  },
  {
    alert: "TransactionsSlow",
    what: "transactions of some milliseconds",
    series: {
      'tapeline_transaction_duration_seconds_bucket{le="0.05", instance="a:1"}': "0+5x60",
      'tapeline_transaction_duration_seconds_bucket{le="+Inf", instance="a:1"}': "0+5x60",
    },
    at: "180s",
    fires: [],
  },
  {
    alert: "SinkSlow",
    what: "every tick takes two seconds",
    series: {
      'tapeline_sink_tick_age_seconds_bucket{le="1", instance="a:1"}': "0x60",
      'tapeline_sink_tick_age_seconds_bucket{le="2.5", instance="a:1"}': "0+5x60",
      'tapeline_sink_tick_age_seconds_bucket{le="+Inf", instance="a:1"}': "0+5x60",
    },
    at: "180s",
    fires: [{
      labels: { service: "sink", severity: "page" },
      summary: "Ticks take 2.485s to become rows",
      description: "The slowest 1 % of the ticks need 2.485s from ingest to their committed row; " +
        "the objective is 1 s for 99 %.",
    }],
  },
  {
    alert: "SinkSlow",
    what: "every tick takes some milliseconds",
    series: {
      'tapeline_sink_tick_age_seconds_bucket{le="0.1", instance="a:1"}': "0+5x60",
      'tapeline_sink_tick_age_seconds_bucket{le="+Inf", instance="a:1"}': "0+5x60",
    },
    at: "180s",
    fires: [],
  },
  {
    alert: "ConsumerBehind",
    what: "45 s behind",
    series: { [`tapeline_consumer_group_lag_seconds_max${GROUP}`]: "0x2 45x20" },
    at: "40s",
    fires: [{
      labels: { group: "sink", service: "sink", severity: "page" },
      summary: "sink is 45s behind",
      description: "The oldest record that group sink has not read is 45s old.",
    }],
  },
  {
    alert: "ConsumerBehind",
    what: "29 s behind",
    series: { [`tapeline_consumer_group_lag_seconds_max${GROUP}`]: "29x20" },
    at: "40s",
    fires: [],
  },
  {
    alert: "ConsumerFallsBehind",
    what: "a living group whose lag grows",
    series: {
      [`tapeline_consumer_group_lag_growth_records_per_second${GROUP}`]: "250x40",
      [`tapeline_consumer_group_lag_seconds_max${GROUP}`]: "12x40",
      [`tapeline_consumer_group_members${GROUP}`]: "1x40",
    },
    at: "90s",
    fires: [{
      labels: { group: "sink", service: "sink", severity: "ticket" },
      summary: "sink falls behind by 250 records a second",
      description:
        "Group sink lives, and yet its lag grows by 250 records a second. As it is, it " +
        "never catches up.",
    }],
  },
  {
    alert: "ConsumerFallsBehind",
    what: "one that catches up",
    series: {
      [`tapeline_consumer_group_lag_growth_records_per_second${GROUP}`]: "-250x40",
      [`tapeline_consumer_group_lag_seconds_max${GROUP}`]: "120x40",
      [`tapeline_consumer_group_members${GROUP}`]: "1x40",
    },
    at: "90s",
    fires: [],
  },
  {
    alert: "ConsumerDead",
    what: "records wait and nobody lives",
    series: {
      [`tapeline_consumer_group_members${GROUP}`]: "1 0x30",
      [`tapeline_consumer_group_lag_records_sum${GROUP}`]: "0 5+5x30",
    },
    at: "50s",
    fires: [{
      labels: { group: "sink", service: "sink", severity: "page" },
      summary: "sink has no consumer",
      description: "Records wait for group sink, and no consumer lives in it.",
    }],
  },
  {
    alert: "ConsumerDead",
    what: "nobody lives, and nothing waits",
    series: {
      [`tapeline_consumer_group_members${GROUP}`]: "0x30",
      [`tapeline_consumer_group_lag_records_sum${GROUP}`]: "0x30",
    },
    at: "40s",
    fires: [],
  },
  {
    alert: "PartitionStuck",
    what: "one partition of two",
    series: {
      [`tapeline_consumer_group_lag_seconds${PLACE(0)}`]: "0+5x60",
      [`tapeline_consumer_group_lag_seconds${PLACE(1)}`]: "0x60",
      [`tapeline_consumer_group_members${GROUP}`]: "1x60",
    },
    at: "120s",
    fires: [{
      labels: { group: "sink", service: "sink", topic: "ticks", partition: "0", severity: "page" },
      summary: "sink is stuck at ticks/0",
      description: "Group sink is near the end of other partitions, and the oldest record it has " +
        "not read of ticks/0 is 2m 0s old.",
    }],
  },
  {
    alert: "PartitionStuck",
    what: "all partitions alike: that is load",
    series: {
      [`tapeline_consumer_group_lag_seconds${PLACE(0)}`]: "0+5x60",
      [`tapeline_consumer_group_lag_seconds${PLACE(1)}`]: "0+5x60",
      [`tapeline_consumer_group_members${GROUP}`]: "1x60",
    },
    at: "120s",
    fires: [],
  },
  {
    alert: "ConsumerTrimmed",
    what: "three records are gone",
    series: { [`tapeline_consumer_group_trimmed_records${PLACE(2)}`]: "0 3x10" },
    at: "20s",
    fires: [{
      labels: { group: "sink", service: "sink", topic: "ticks", partition: "2", severity: "page" },
      summary: "sink has lost 3 records to retention",
      description: "Retention has deleted 3 records of ticks/2 that group sink had not read.",
    }],
  },
  {
    alert: "ConsumerTrimmed",
    what: "nothing is gone",
    series: { [`tapeline_consumer_group_trimmed_records${PLACE(2)}`]: "0x10" },
    at: "20s",
    fires: [],
  },
  {
    alert: "LagUnknown",
    what: "the last look was 35 s ago",
    series: { 'tapeline_lag_looked_timestamp_seconds{instance="a:1"}': "5x20" },
    at: "45s",
    fires: [{
      labels: { instance: "a:1", severity: "page" },
      summary: "Nobody knows how far consumers are behind",
      description:
        "The lag service at a:1 has not been able to look for 40s: no alert on lag can " +
        "fire.",
    }],
  },
  {
    alert: "LagUnknown",
    what: "it looks all the time",
    series: { 'tapeline_lag_looked_timestamp_seconds{instance="a:1"}': "0+5x20" },
    at: "40s",
    fires: [],
  },
];
