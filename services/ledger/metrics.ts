/** What the ledger service measures. */
import { errorsOf, type MetricTable } from "../../runtime/metric_table.ts";

export const METRICS = {
  errors: errorsOf(["audit"]),
  differences: {
    name: "tapeline_ledger_differences",
    kind: "gauge",
    unit: "differences",
    help: "Places where what was accepted, is in Kafka, was processed and is stored do not agree",
    labels: [],
  },
  judged: {
    name: "tapeline_ledger_judged_ticks_total",
    kind: "counter",
    unit: "ticks",
    help:
      "Records in the topic of ticks, of the minutes that were found to balance, each minute once",
    labels: [],
  },
  judged_to: {
    name: "tapeline_ledger_judged_timestamp_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "Up to which minute all is judged, in seconds since 1970",
    labels: [],
  },
  audited_at: {
    name: "tapeline_ledger_audited_timestamp_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "When the ledger was read last, in seconds since 1970",
    labels: [],
  },
  audit_duration: {
    name: "tapeline_ledger_audit_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "How long reading and judging the ledger took",
    labels: [],
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  },
} as const satisfies MetricTable;
