/** Pieces of PromQL, made from the metric tables: a renamed metric breaks the type-check. Pure. */

/** A metric, of ours or of another exporter. */
export interface NamedMetric {
  readonly name: string;
}

/** Where a query looks and over what span: by a dashboard's variables, or by an alert's own. */
export interface Scope {
  /** Label matchers, parted by commas; empty for all. */
  matchers: string;
  /** A rate's span. */
  window: string;
}

/** A query, for whoever asks it. */
export type Query = (scope: Scope) => string;

/** A panel's scope. Grafana makes the window at least four scrapes wide. */
export const PANEL_SCOPE: Scope = {
  matchers: 'instance=~"$instance"',
  window: "$__rate_interval",
};

/** The scope of an alert or a recorded rule: everything, over a fixed span. */
export function alertScope(window: string): Scope {
  return { matchers: "", window };
}

/**
 * A metric's series.
 *
 * @param row The metric.
 * @param scope Where.
 * @param matchers More label matchers, as in PromQL.
 */
export function series(
  { name }: NamedMetric,
  scope: Scope,
  ...matchers: string[]
): string {
  return select(name, scope, matchers);
}

/** A counter's rate, a second. */
export function rate(
  { name }: NamedMetric,
  scope: Scope,
  ...matchers: string[]
): string {
  return `rate(${select(name, scope, matchers)}[${scope.window}])`;
}

/**
 * A quantile of a histogram.
 *
 * @param quantile From 0 to 1.
 * @param by Labels that are kept apart.
 */
export function quantile(
  quantile: number,
  { name }: NamedMetric,
  scope: Scope,
  by: readonly string[],
  ...matchers: string[]
): string {
  const buckets = `rate(${select(`${name}_bucket`, scope, matchers)}[${scope.window}])`;
  return `histogram_quantile(${quantile}, sum by (${["le", ...by].join(", ")}) (${buckets}))`;
}

function select(name: string, scope: Scope, matchers: readonly string[]): string {
  const all = [...matchers, scope.matchers].filter((matcher) => matcher !== "");
  return all.length === 0 ? name : `${name}{${all.join(", ")}}`;
}
