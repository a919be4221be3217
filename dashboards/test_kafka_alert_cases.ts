/** For tests: when each of the broker's alerts fires, with which words, and when it does not. */
import type { Case } from "./test_alert_cases.ts";

const UP = 'up{job="kafka", service="kafka", instance="a:9"}';
const LABELS = { job: "kafka", service: "kafka", instance: "a:9" };
/** When the lag service last had an answer from the broker. */
const LOOKED = 'tapeline_lag_looked_timestamp_seconds{service="lag", instance="a:1"}';
const HEAP = 'area="heap", service="kafka", instance="a:9"';

const BROKER_DOWN = {
  labels: { ...LABELS, severity: "page" },
  summary: "Kafka does not answer",
  description: "Neither Prometheus nor the lag service has an answer from the broker at a:9: it " +
    "has died, hangs, or can't be reached. No tick moves meanwhile, and what follows from that is " +
    "not told.",
};

export const KAFKA_CASES: readonly Case[] = [
  {
    alert: "BrokerDown",
    what: "no answer to anybody",
    series: { [UP]: "1 1 0x20", [LOOKED]: "0 5 5x20" },
    at: "35s",
    fires: [BROKER_DOWN],
  },
  {
    alert: "BrokerDown",
    what: "no answer to anybody, and nobody else to ask",
    series: { [UP]: "1 1 0x20" },
    at: "30s",
    fires: [BROKER_DOWN],
  },
  {
    alert: "BrokerDown",
    what: "it is back since a moment, and what it has caused is not over yet",
    series: { [UP]: "0x10 1x20", [LOOKED]: "0x10 50+5x20" },
    at: "105s",
    fires: [BROKER_DOWN],
  },
  {
    alert: "BrokerDown",
    what: "it is back for longer",
    series: { [UP]: "0x10 1x20", [LOOKED]: "0x10 50+5x20" },
    at: "125s",
    fires: [],
  },
  {
    alert: "BrokerDown",
    what: "one scrape that failed",
    series: { [UP]: "1 1 0 1x10", [LOOKED]: "0x12" },
    at: "35s",
    fires: [],
  },
  {
    alert: "BrokerDown",
    what: "its exporter alone does not answer",
    series: { [UP]: "1 1 0x20", [LOOKED]: "0+5x20" },
    at: "60s",
    fires: [],
  },
  {
    alert: "TargetAbsent",
    what: "the broker has an alert of its own",
    series: { [UP]: "1 1 0x20" },
    at: "60s",
    fires: [],
  },
  {
    alert: "BrokerUnobserved",
    what: "its exporter does not answer, and the lag service has its answers",
    series: { [UP]: "1 1 0x30", [LOOKED]: "0+5x30" },
    at: "75s",
    fires: [{
      labels: { ...LABELS, severity: "ticket" },
      summary: "Kafka answers, and its metrics do not come",
      description: "Prometheus can't scrape the exporter at a:9 in the broker's process, and the " +
        "lag service has its answers: what the broker measures is not known.",
    }],
  },
  {
    alert: "BrokerUnobserved",
    what: "nobody has an answer: that is another alert",
    series: { [UP]: "1 1 0x30", [LOOKED]: "0 5 5x30" },
    at: "75s",
    fires: [],
  },
  {
    alert: "ServiceErrors",
    what: "errors of a while in which the broker was away",
    series: {
      'tapeline_errors_total{service="lag", kind="look", instance="a:1"}': "0+1x60",
      [UP]: "1x40 0x10 1x10",
    },
    at: "300s",
    fires: [],
  },
  {
    alert: "KafkaControllerAbsent",
    what: "the broker answers, and no controller is active",
    series: {
      'kafka_controller_kafkacontroller_activecontrollercount{service="kafka", instance="a:9"}':
        "1 1 0x20",
    },
    at: "30s",
    fires: [{
      labels: { service: "kafka", severity: "page" },
      summary: "Kafka has no active controller",
      description: "The brokers answer, and none of them is the active controller: no topic, " +
        "leader or producer id can be had.",
    }],
  },
  {
    alert: "KafkaControllerAbsent",
    what: "one of two is active",
    series: {
      'kafka_controller_kafkacontroller_activecontrollercount{service="kafka", instance="a:8"}':
        "0x20",
      'kafka_controller_kafkacontroller_activecontrollercount{service="kafka", instance="a:9"}':
        "1x20",
    },
    at: "30s",
    fires: [],
  },
  {
    alert: "KafkaPartitionsOffline",
    what: "two partitions have no leader",
    series: {
      'kafka_controller_kafkacontroller_offlinepartitionscount{service="kafka", instance="a:9"}':
        "0 0 2x20",
    },
    at: "30s",
    fires: [{
      labels: { service: "kafka", severity: "page" },
      summary: "2 partitions have no leader",
      description: "2 partitions of Kafka have no leader: nobody can write to them or read them.",
    }],
  },
  {
    alert: "KafkaPartitionsOffline",
    what: "for a moment, as at every start",
    series: {
      'kafka_controller_kafkacontroller_offlinepartitionscount{service="kafka", instance="a:9"}':
        "2 2 0x20",
    },
    at: "30s",
    fires: [],
  },
  {
    alert: "KafkaHeapFull",
    what: "95 % are in use, whatever is collected",
    series: {
      [`jvm_memory_used_bytes{${HEAP}}`]: "95x100",
      [`jvm_memory_max_bytes{${HEAP}}`]: "100x100",
    },
    at: "365s",
    fires: [{
      labels: { service: "kafka", instance: "a:9", severity: "ticket" },
      summary: "Kafka's heap is full to 95%",
      description: "The broker at a:9 has used at least 95% of its heap for 5 minutes, after " +
        "each garbage collection too: it gets slow, and then ends.",
    }],
  },
  {
    alert: "KafkaHeapFull",
    what: "full before each collection, and not after it",
    series: {
      [`jvm_memory_used_bytes{${HEAP}}`]: "95x30 40 95x69",
      [`jvm_memory_max_bytes{${HEAP}}`]: "100x100",
    },
    at: "365s",
    fires: [],
  },
];
