/** Sets the metrics from what a look has found. Whatever it has not found is not shown any more. */
import type { Metrics } from "../../runtime/metrics.ts";
import type { GroupLag } from "./look.ts";
import type { METRICS } from "./metrics.ts";
import { addSample, type LagSample, trendOf } from "./trend.ts";

/** Shows looks, one after another. */
export interface LagView {
  /**
   * @param lags What the look has found.
   * @param at_ms When it was, ms since 1970.
   */
  show(lags: readonly GroupLag[], at_ms: number): void;
  /** Nothing is known: no figure is better than an old one. */
  clear(): void;
}

/** Makes the view of a service's metrics. */
export function createLagView(metrics: Metrics<typeof METRICS>): LagView {
  let samples = new Map<string, LagSample[]>();
  const gauges = [
    metrics.lag_records,
    metrics.lag_seconds,
    metrics.trimmed_records,
    metrics.lag_records_sum,
    metrics.lag_records_max,
    metrics.lag_seconds_max,
    metrics.lag_growth,
    metrics.catch_up_seconds,
    metrics.members,
  ];
  const reset = (): void => gauges.forEach((gauge) => gauge.reset());

  return {
    show(lags, at_ms) {
      // No scrape can come between: all of it is one turn.
      reset();
      const sampled = new Map<string, LagSample[]>();
      for (const { group, members, partitions, is_partial } of lags) {
        for (const { topic, partition, records, seconds, trimmed } of partitions) {
          const labels = { group, topic, partition: String(partition) };
          metrics.lag_records.set(labels, records);
          metrics.lag_seconds.set(labels, seconds);
          metrics.trimmed_records.set(labels, trimmed);
        }
        if (members !== null) metrics.members.set({ group }, members);
        // A sum without one of its parts would say that all is well.
        if (is_partial) continue;
        const records = partitions.map((partition) => partition.records);
        const sum = records.reduce((total, count) => total + count, 0);
        const history = addSample(samples.get(group) ?? [], { at_ms, records: sum });
        const { growth, catch_up_s } = trendOf(history);
        sampled.set(group, history);
        metrics.lag_records_sum.set({ group }, sum);
        metrics.lag_records_max.set({ group }, Math.max(0, ...records));
        metrics.lag_seconds_max.set(
          { group },
          Math.max(0, ...partitions.map((partition) => partition.seconds)),
        );
        metrics.lag_growth.set({ group }, growth);
        metrics.catch_up_seconds.set({ group }, catch_up_s);
      }
      samples = sampled;
      metrics.looked_at.set(at_ms / 1000);
    },
    clear: reset,
  };
}
