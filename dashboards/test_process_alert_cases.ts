/** For tests: cases of the alerts on processes, watermarks, objectives and the ledger. */
import type { Case } from "./test_alert_cases.ts";

const AT = 'service="sink", instance="a:1", job="sink"';
const LOOP = (bound: string) => `tapeline_event_loop_delay_seconds_bucket{${AT}, le="${bound}"}`;
const SENT = 'tapeline_records_sent_total{service="producer", to="ticks", instance="p:1"}';
const FRESH = 'tapeline_sink_fresh_rows_total{service="sink", instance="s:1"}';
const TRIMMED =
  'tapeline_consumer_group_trimmed_records{service="lag", group="sink", topic="t", partition="0"}';
const RECEIVED =
  'tapeline_records_received_total{service="aggregator", from="ticks", instance="w:1"}';
const ADVANCES = (instance: string) =>
  `tapeline_aggregator_watermark_advances_total{service="aggregator", instance="${instance}"}`;

export const PROCESS_CASES: readonly Case[] = [
  {
    alert: "EventLoopBlocked",
    what: "timers that come two seconds late",
    series: { [LOOP("1")]: "0x60", [LOOP("2.5")]: "0+1x60", [LOOP("+Inf")]: "0+1x60" },
    at: "240s",
    fires: [{
      labels: { service: "sink", instance: "a:1", severity: "ticket" },
      summary: "sink is blocked for 2.485s at a time",
      description:
        "Timers of sink at a:1 come 2.485s late: its only thread is at work on something " +
        "long, or the machine has no CPU left.",
    }],
  },
  {
    alert: "EventLoopBlocked",
    what: "timers that come in time",
    series: { [LOOP("1")]: "0+50x60", [LOOP("2.5")]: "0+50x60", [LOOP("+Inf")]: "0+50x60" },
    at: "240s",
    fires: [],
  },
  {
    alert: "InstrumentationBlind",
    what: "a collector that takes nothing for over a minute",
    series: { [`tapeline_instrumentation_arrives{${AT}, part="spans"}`]: "1x4 0x30" },
    at: "100s",
    fires: [{
      labels: { service: "sink", instance: "a:1", job: "sink", part: "spans", severity: "ticket" },
      summary: "sink runs blind: its spans do not arrive",
      description:
        "The spans of sink at a:1 do not arrive. It works, but what goes wrong with it is " +
        "not seen.",
    }],
  },
  {
    alert: "InstrumentationBlind",
    what: "a collector that is back after half a minute",
    series: { [`tapeline_instrumentation_arrives{${AT}, part="spans"}`]: "1x4 0x6 1x30" },
    at: "100s",
    fires: [],
  },
  {
    alert: "ClockSkew",
    what: "a clock that is ten seconds behind Prometheus'",
    series: { [`tapeline_clock_seconds{${AT}}`]: "-10+5x60" },
    at: "100s",
    fires: [{
      labels: { service: "sink", instance: "a:1", job: "sink", severity: "ticket" },
      summary: "The clock of sink is 10s off",
      description:
        "The clocks of sink at a:1 and of Prometheus differ by 10s: ages, lag and what is " +
        "refused as too far in the future are wrong by as much.",
    }],
  },
  {
    alert: "ClockSkew",
    what: "a scrape that took two seconds",
    series: { [`tapeline_clock_seconds{${AT}}`]: "2+5x60" },
    at: "100s",
    fires: [],
  },
  {
    alert: "WatermarkStalled",
    what: "records, and no watermark that moves",
    series: {
      [RECEIVED]: "0+50x60",
      [ADVANCES("w:1")]: "0+40x12 480x48",
      [ADVANCES("w:2")]: "0+40x12 480x48",
    },
    at: "180s",
    fires: [{
      labels: { severity: "page" },
      summary: "No window closes any more",
      description:
        "The aggregator takes records, and for a minute none has moved a watermark: all " +
        "are late, refused, or the same moment over and over. Candles stay open.",
    }],
  },
  {
    alert: "WatermarkStalled",
    what: "an instance whose symbols are quiet, beside one that moves",
    series: { [RECEIVED]: "0+50x60", [ADVANCES("w:1")]: "0x60", [ADVANCES("w:2")]: "0+5x60" },
    at: "180s",
    fires: [],
  },
  {
    alert: "FreshnessBudgetBurnsFast",
    what: "half of the ticks stale for the last half hour",
    series: { [SENT]: "0+100x780", [FRESH]: "0+100x360 36050+50x420" },
    at: "65m",
    fires: [{
      labels: { severity: "page" },
      summary: "29.21% of the ticks are not rows within a second of their ingest",
      description:
        "29.21% of the ticks are not rows within a second of their ingest; the objective " +
        "allows 1 %. At this rate the month's budget is gone within days.",
    }],
  },
  {
    alert: "FreshnessBudgetBurnsFast",
    what: "nothing stored at all, and known for two minutes only",
    series: { [SENT]: "0+100x24", [FRESH]: "0x24" },
    at: "2m",
    fires: [],
  },
  {
    alert: "FreshnessBudgetBurnsSlowly",
    what: "four of a hundred ticks stale for hours",
    series: { [SENT]: "0+100x780", [FRESH]: "0+96x780" },
    at: "65m",
    fires: [{
      labels: { severity: "ticket" },
      summary: "4% of the ticks are not rows within a second of their ingest",
      description: "4% of the ticks are not rows within a second of their ingest; the objective " +
        "allows 1 %. At this rate the month's budget is gone before its end.",
    }],
  },
  {
    alert: "FreshnessBudgetBurnsSlowly",
    what: "one of two hundred ticks stale, which the objective allows",
    series: { [SENT]: "0+200x780", [FRESH]: "0+199x780" },
    at: "65m",
    fires: [],
  },
  {
    alert: "LossBudgetBurnsFast",
    what: "one of a hundred ticks deleted while the sink was away, which is back now",
    series: { [SENT]: "0+100x780", [TRIMMED]: "0x730 720x40 0x10" },
    at: "65m",
    fires: [{
      labels: { severity: "page" },
      summary: "1% of the ticks were deleted by retention before they were rows",
      description:
        "1% of the ticks were deleted by retention before they were rows; the objective " +
        "allows 0.01 %. At this rate the month's budget is gone within days.",
    }],
  },
  {
    alert: "LossBudgetBurnsFast",
    what: "nothing deleted",
    series: { [SENT]: "0+100x780", [TRIMMED]: "0x780" },
    at: "65m",
    fires: [],
  },
  {
    alert: "LossBudgetBurnsSlowly",
    what: "four of ten thousand ticks deleted, for hours",
    series: { [SENT]: "0+10000x780", [TRIMMED]: "0x700 3120x80" },
    at: "65m",
    fires: [{
      labels: { severity: "ticket" },
      summary: "0.04% of the ticks were deleted by retention before they were rows",
      description: "0.04% of the ticks were deleted by retention before they were rows; the " +
        "objective allows 0.01 %. At this rate the month's budget is gone before its end.",
    }],
  },
  {
    alert: "LossBudgetBurnsSlowly",
    what: "nothing deleted",
    series: { [SENT]: "0+10000x780", [TRIMMED]: "0x780" },
    at: "65m",
    fires: [],
  },
  {
    alert: "LedgerOutOfBalance",
    what: "two places that differ",
    series: { 'tapeline_ledger_differences{service="ledger", instance="l:1"}': "0x4 2x10" },
    at: "30s",
    fires: [{
      labels: { severity: "page" },
      summary: "The ledger does not balance in 2 places",
      description: "Of minutes that every stage has passed, what was accepted, is in Kafka, was " +
        "processed and is stored do not agree in 2 places: ticks are lost, doubled or altered. The " +
        "log of the ledger service names the first.",
    }],
  },
  {
    alert: "LedgerOutOfBalance",
    what: "a ledger that balances",
    series: { 'tapeline_ledger_differences{service="ledger", instance="l:1"}': "0x20" },
    at: "30s",
    fires: [],
  },
  {
    alert: "LedgerUnknown",
    what: "no audit for six minutes",
    series: {
      'tapeline_ledger_audited_timestamp_seconds{service="ledger", instance="l:1"}': "0x100",
    },
    at: "360s",
    fires: [{
      labels: { service: "ledger", instance: "l:1", severity: "ticket" },
      summary: "Nobody knows whether the ledger balances",
      description: "The ledger service at l:1 has not been able to read the ledger for 6m 0s.",
    }],
  },
  {
    alert: "LedgerUnknown",
    what: "an audit half a minute ago",
    series: {
      'tapeline_ledger_audited_timestamp_seconds{service="ledger", instance="l:1"}': "330x100",
    },
    at: "360s",
    fires: [],
  },
];
