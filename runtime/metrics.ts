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

/** What an observation with an exemplar says; prom-client's own type leaves the labels untyped. */
interface ExemplarHistogram<Name extends string> {
  observe(
    observation: {
      labels?: { [name in Name]?: string };
      value: number;
      exemplarLabels?: { trace_id: string; span_id: string };
    },
  ): void;
  get: Histogram["get"];
}

/** A counter whose label has no other values than its row names. */
interface KnownCounter<Name extends string, Value extends string> {
  inc(labels: { [name in Name]: Value }, value?: number): void;
  get: Counter["get"];
}

type AnyRegistry = Registry<PrometheusContentType | OpenMetricsContentType>;

/** The instrument of a row: prom-client's, with the row's labels in its type. */
type Instrument<Row extends MetricRow> = Row extends { values: readonly (infer Value)[] }
  ? KnownCounter<Label<Row>, Value & string>
  : Row["kind"] extends "counter" ? Counter<Label<Row>>
  : Row["kind"] extends "gauge" ? Gauge<Label<Row>>
  : Row extends { exemplars: true } ? ExemplarHistogram<Label<Row>>
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
 * @param measured False: the instruments are there and do nothing.
 */
export function createMetrics<Table extends MetricTable>(
  service: string,
  table: Table,
  measured = true,
): MetricSet<Table> {
  const registry: AnyRegistry = new Registry();
  registry.setDefaultLabels({ service });
  // prom-client makes histograms with exemplars only where the registry is of the kind that tells them.
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  if (measured) collectDefaultMetrics({ register: registry });
  for (const name of UNTRUE_IN_DENO) registry.removeSingleMetric(name);
  new Gauge({
    name: RESIDENT_MEMORY,
    help: "Resident memory size in bytes.",
    registers: [registry],
    collect() {
      this.set(Deno.memoryUsage().rss);
    },
  });
  let last: Promise<unknown> = Promise.resolve();

  async function expose(open_metrics: boolean): Promise<{ text: string; content_type: string }> {
    // prom-client takes `_total` off the counters themselves for OpenMetrics, and the next reader of
    // plain text would miss it (15.1.3).
    const names = registry.getMetricsAsArray().map((metric) => [metric, metric.name] as const);
    const content_type = open_metrics
      ? Registry.OPENMETRICS_CONTENT_TYPE
      : Registry.PROMETHEUS_CONTENT_TYPE;
    registry.setContentType(content_type);
    try {
      return { text: await registry.metrics(), content_type };
    } finally {
      for (const [metric, name] of names) metric.name = name;
    }
  }

  return {
    metrics: instruments(table, registry, measured),
    service_metrics: instruments(SERVICE_METRICS, registry, measured),
    expose(open_metrics) {
      // One after the other: the registry holds one content type at a time.
      const exposed = last.then(() => expose(open_metrics));
      last = exposed.catch(() => {});
      return exposed;
    },
  };
}

const RESIDENT_MEMORY = "process_resident_memory_bytes";
/**
 * Default metrics that are always 0, empty or of another meaning: /proc is closed to a Deno process
 * with named permissions, and node's event loop monitor misses a blocked loop. Ours stand for those
 * that matter.
 */
const UNTRUE_IN_DENO = [
  RESIDENT_MEMORY,
  "process_virtual_memory_bytes",
  "process_heap_bytes",
  "process_open_fds",
  "process_max_fds",
  "nodejs_eventloop_lag_seconds",
  ...["min", "max", "mean", "stddev", "p50", "p90", "p99"].map((of) =>
    `nodejs_eventloop_lag_${of}_seconds`
  ),
];

function instruments<Table extends MetricTable>(
  table: Table,
  registry: AnyRegistry,
  measured: boolean,
): Metrics<Table> {
  return Object.fromEntries(
    Object.entries(table).map(([name, row]) => {
      const made = instrument(row, registry);
      return [name, measured ? made : Object.assign(made, IDLE)];
    }),
  ) as Metrics<Table>;
}

const doNothing = (): void => {};
/** What an instrument does that measures nothing. */
const IDLE = { inc: doNothing, set: doNothing, observe: doNothing };

function instrument(row: MetricRow, registry: AnyRegistry): Counter | Gauge | Histogram {
  const options = {
    name: row.name,
    help: row.help,
    labelNames: [...row.labels],
    registers: [registry],
  };
  switch (row.kind) {
    case "counter": {
      const counter = new Counter(options);
      for (const value of row.values ?? []) counter.inc({ [row.labels[0]!]: value }, 0);
      return counter;
    }
    case "gauge":
      return new Gauge(options);
    case "histogram":
      return new Histogram({
        ...options,
        ...(row.buckets ? { buckets: [...row.buckets] } : {}),
        ...(row.exemplars ? { enableExemplars: true } : {}),
      });
  }
}
