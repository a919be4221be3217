/** The reference of all metrics, docs/metrics.md. Pure. */
import {
  type MetricRow,
  type MetricTable,
  SERVICE_METRICS,
  STAGE_METRICS,
} from "../runtime/metric_table.ts";
import { METRICS as AGGREGATOR } from "../services/aggregator/metrics.ts";
import { KAFKA_METRICS } from "../infra/kafka/metrics.ts";
import { METRICS as LAG } from "../services/lag/metrics.ts";
import { METRICS as LEDGER } from "../services/ledger/metrics.ts";
import { METRICS as PRODUCER } from "../services/producer/metrics.ts";
import { METRICS as SINK } from "../services/sink/metrics.ts";
import { METRICS as POSTGRES, type PostgresMetric } from "../infra/postgres/metrics.ts";
import type { ServiceName } from "../contract/pipeline.ts";

/** Every service's table. */
export const METRIC_TABLES = {
  producer: PRODUCER,
  aggregator: AGGREGATOR,
  sink: SINK,
  lag: LAG,
  ledger: LEDGER,
} satisfies { readonly [service in ServiceName]: MetricTable };

/** The page: a metric a line, with the services that have it. */
export function metricsPage(): string {
  const services = new Map<string, string[]>();
  const rows = new Map<string, MetricRow | PostgresMetric>();
  for (const [service, table] of Object.entries(METRIC_TABLES)) {
    for (const row of [...Object.values(SERVICE_METRICS), ...Object.values(table)]) {
      rows.set(row.name, row);
      services.set(row.name, [...services.get(row.name) ?? [], service]);
    }
  }
  for (const row of Object.values(POSTGRES)) {
    rows.set(row.name, row);
    services.set(row.name, ["postgres"]);
  }
  const lines = [...rows.values()].sort((one, other) => one.name < other.name ? -1 : 1).map((row) =>
    `| \`${row.name}\` | ${row.kind} | ${row.unit} | ${
      row.labels.map((label) => `\`${label}\``).join(" ")
    } | ${services.get(row.name)!.join(", ")} | ${row.help} |`
  );
  return [
    "# Metrics",
    "",
    "<!-- Written by `deno task dashboards` from the tables in services/*/metrics.ts and",
    "infra/postgres/metrics.ts. -->",
    "",
    "Every metric carries the label `service`, and Prometheus adds `instance`. Beside these each",
    "service has prom-client's defaults (`process_*`, `nodejs_*`). Those of `postgres` come from its",
    "exporter.",
    "",
    "| metric | kind | unit | labels | services | what it is |",
    "| --- | --- | --- | --- | --- | --- |",
    ...lines,
    "",
    "## Kinds of errors",
    "",
    `All that \`${STAGE_METRICS.errors.name}\` has in its label, each told as 0 until it happens.`,
    "",
    "| service | kinds |",
    "| --- | --- |",
    ...Object.entries(METRIC_TABLES).map(([service, { errors }]) =>
      `| ${service} | ${errors.values.map((kind) => `\`${kind}\``).join(" ")} |`
    ),
    "",
    "## The broker",
    "",
    '`infra/kafka/jmx_exporter.yml` shows these in the broker\'s process, with `service="kafka"`; beside',
    "them it has the exporter's defaults (`jvm_*`, `process_*`).",
    "",
    "| metric | kind | unit | labels | what it is |",
    "| --- | --- | --- | --- | --- |",
    ...KAFKA_METRICS.map((row) =>
      `| \`${row.name}\` | ${row.kind} | ${row.unit} | ${
        row.labels.map((label) => `\`${label}\``).join(" ")
      } | ${row.help} |`
    ),
    "",
  ].join("\n");
}
