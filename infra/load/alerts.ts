/** Alerts that fired in a span of time, as Prometheus has them. */
import { ask } from "./prometheus.ts";

/**
 * Names of what fired, each with its service or group.
 *
 * @param prometheus_url Whom to ask.
 * @param from_ms From when on.
 * @param to_ms Until when.
 */
export async function alertsOf(
  prometheus_url: string,
  from_ms: number,
  to_ms: number,
): Promise<string[]> {
  const span = `${Math.max(1, Math.ceil((to_ms - from_ms) / 1_000))}s`;
  const query = `max_over_time(ALERTS{alertstate="firing"}[${span}])`;
  const names = (await ask(prometheus_url, query, to_ms)).map(({ labels }) =>
    [labels.alertname, labels.service ?? labels.group].filter(Boolean).join(" ")
  );
  return [...new Set(names)].sort();
}
