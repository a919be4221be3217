/** For tests: when the alerts on Postgres fire, with which words, and when they do not. */
import type { Case } from "./test_alert_cases.ts";

const TARGET = 'instance="a:1", job="postgres", service="postgres"';
const LABELS = { instance: "a:1", job: "postgres", service: "postgres" };
const UP = `pg_up{${TARGET}}`;
const COLLECTED = `pg_scrape_collector_success{collector="database", ${TARGET}}`;
const CONNECTIONS = (state: string) =>
  `tapeline_postgres_connections{state="${state}", server="b:5432", ${TARGET}}`;
const CONNECTIONS_MAX = `tapeline_postgres_server_connections_max{server="b:5432", ${TARGET}}`;
const IDLE = `tapeline_postgres_server_transaction_idle_seconds{server="b:5432", ${TARGET}}`;
const SINK_ERRORS = (kind: string) =>
  `tapeline_errors_total{service="sink", kind="${kind}", instance="c:1"}`;

const DOWN = {
  labels: { ...LABELS, severity: "page" },
  summary: "Postgres does not answer",
  description: "The exporter at a:1 can't connect to Postgres: it is down, hangs, can't be " +
    "reached, or takes no more connections. Ticks wait in Kafka meanwhile.",
};

export const POSTGRES_CASES: readonly Case[] = [
  {
    alert: "PostgresDown",
    what: "the exporter can't reach it",
    series: { [UP]: "1 0x10", [COLLECTED]: "1 stale" },
    at: "20s",
    fires: [DOWN],
  },
  {
    alert: "PostgresDown",
    what: "old connections work, and none is taken anew",
    series: { [UP]: "1x10", [COLLECTED]: "1 stale" },
    at: "20s",
    fires: [DOWN],
  },
  {
    alert: "PostgresDown",
    what: "it has just come back: what that brought about has not ended yet",
    series: { [UP]: "0x4 1x20", [COLLECTED]: "_x5 1x20" },
    at: "50s",
    fires: [DOWN],
  },
  {
    alert: "PostgresDown",
    what: "it came back half a minute ago",
    series: { [UP]: "0x4 1x20", [COLLECTED]: "_x5 1x20" },
    at: "60s",
    fires: [],
  },
  {
    alert: "PostgresDown",
    what: "a restart between two scrapes and the next",
    series: { [UP]: "1 0 1x10", [COLLECTED]: "1 stale 1x10" },
    at: "20s",
    fires: [],
  },
  {
    alert: "PostgresOutOfSpace",
    what: "one transaction refused for want of room",
    series: { [SINK_ERRORS("disk_full")]: "0x3 1x10" },
    at: "25s",
    fires: [{
      labels: { service: "sink", severity: "page" },
      summary: "Postgres has no room on its disk",
      description:
        "Postgres refuses sink's rows because its disk is full. They wait in Kafka and " +
        "are tried again: nothing is lost until the topic's retention ends.",
    }],
  },
  {
    alert: "PostgresOutOfSpace",
    what: "refused for other reasons, and for want of room long ago",
    series: { [SINK_ERRORS("database")]: "0+1x30", [SINK_ERRORS("disk_full")]: "4x30" },
    at: "120s",
    fires: [],
  },
  {
    alert: "PostgresConnectionsNearlyUsedUp",
    what: "nine of ten are in use",
    series: {
      [CONNECTIONS("idle")]: "8x20",
      [CONNECTIONS("active")]: "1x20",
      [CONNECTIONS_MAX]: "10x20",
    },
    at: "40s",
    fires: [{
      labels: { ...LABELS, severity: "page" },
      summary: "90% of Postgres' connections are in use",
      description: "90% of the connections that Postgres takes are in use. Past the last one, a " +
        "service that has to connect anew can't.",
    }],
  },
  {
    alert: "PostgresConnectionsNearlyUsedUp",
    what: "eight of ten are in use",
    series: {
      [CONNECTIONS("idle")]: "7x20",
      [CONNECTIONS("active")]: "1x20",
      [CONNECTIONS_MAX]: "10x20",
    },
    at: "40s",
    fires: [],
  },
  {
    alert: "PostgresTransactionIdle",
    what: "somebody has left one open for over a minute",
    series: { [IDLE]: "0+5x20" },
    at: "65s",
    fires: [{
      labels: { ...LABELS, severity: "ticket" },
      summary: "A transaction is left open, idle for 1m 5s",
      description: "A client of Postgres has left a transaction open and has done nothing in it " +
        "for 1m 5s. Its locks stay, and dead rows can't be cleared away.",
    }],
  },
  {
    alert: "PostgresTransactionIdle",
    what: "a minute, and then it is gone on with",
    series: { [IDLE]: "0+5x12 0x20" },
    at: "65s",
    fires: [],
  },
  {
    alert: "ServiceErrors",
    what: "of the database while that was away, which is told already; another kind is news",
    series: {
      [SINK_ERRORS("database")]: "0+1x70",
      [SINK_ERRORS("dead_letters")]: "0+1x70",
      [UP]: "1x10 0x10 1x50",
    },
    at: "300s",
    fires: [{
      labels: { service: "sink", kind: "dead_letters", severity: "ticket" },
      summary: "sink meets errors of kind dead_letters",
      description:
        "sink met 60 errors of kind dead_letters within 5 minutes. It deals with them; " +
        "its log says what they are.",
    }],
  },
  {
    alert: "ServiceErrors",
    what: "of the database though Postgres was there",
    series: { [SINK_ERRORS("database")]: "0+1x70", [UP]: "1x70" },
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
    what: "for want of room, which has an alert of its own",
    series: { [SINK_ERRORS("disk_full")]: "0+1x70" },
    at: "300s",
    fires: [],
  },
];
