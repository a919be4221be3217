/** Makes the instruments of a metric table. The only file that knows prom-client. */
import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  type OpenMetricsContentType,
  type PrometheusContentType,
  Registry,
} from "prom-client";
import { type MetricRow, type MetricTable, SERVICE_METRICS } from "./metric_table.ts";

type Label<Row extends MetricRow> = Row["labels"][number];

type AnyRegistry = Registry<PrometheusContentType | OpenMetricsContentType>;

/** The instrument of a row: prom-client's, with the row's labels in its type. */
type Instrument<Row extends MetricRow> = Row["kind"] extends "counter" ? Counter<Label<Row>>
  : Row["kind"] extends "gauge" ? Gauge<Label<Row>>
  : Histogram<Label<Row>>;

/** The instruments of a table by its names. */
export type Metrics<Table extends MetricTable> = {
  readonly [Name in keyof Table]: Instrument<Table[Name]>;
};

/** Instruments, and the text that Prometheus reads. */
export interface MetricSet<Table extends MetricTable> {
  metrics: Metrics<Table>;
  /** What every service has beside its own table. */
  service_metrics: Metrics<typeof SERVICE_METRICS>;
  /**
   * @param open_metrics Whether the reader asked for OpenMetrics, which carries exemplars.
   * @returns The text and its content type.
   */
  expose(open_metrics: boolean): Promise<{ text: string; content_type: string }>;
}

/**
 * Makes the instruments of a table in a registry of their own, with the label `service`.
 *
 * @param service The service's name.
 * @param table Its metrics.
 */
export function createMetrics<Table extends MetricTable>(
  service: string,
  table: Table,
): MetricSet<Table> {
  const registry: AnyRegistry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return {
    metrics: instruments(table, registry),
    service_metrics: instruments(SERVICE_METRICS, registry),
    async expose(open_metrics) {
      registry.setContentType(
        open_metrics ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE,
      );
      return { text: await registry.metrics(), content_type: registry.contentType };
    },
  };
}

function instruments<Table extends MetricTable>(
  table: Table,
  registry: AnyRegistry,
): Metrics<Table> {
  return Object.fromEntries(
    Object.entries(table).map(([name, row]) => [name, instrument(row, registry)]),
  ) as Metrics<Table>;
}

function instrument(row: MetricRow, registry: AnyRegistry): Counter | Gauge | Histogram {
  const options = {
    name: row.name,
    help: row.help,
    labelNames: [...row.labels],
    registers: [registry],
  };
  switch (row.kind) {
    case "counter":
      return new Counter(options);
    case "gauge":
      return new Gauge(options);
    case "histogram":
      return new Histogram({ ...options, ...(row.buckets ? { buckets: [...row.buckets] } : {}) });
  }
}
