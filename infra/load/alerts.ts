/** Alerts that fired in a span of time, as Prometheus has them. */

const ASK_DEADLINE_MS = 10_000;

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
  const url = `${prometheus_url}/api/v1/query?${new URLSearchParams({
    query,
    time: String(to_ms / 1_000),
  })}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(ASK_DEADLINE_MS) });
  if (!response.ok) {
    throw new Error(`Prometheus answered ${response.status} to ${query}: ${await response.text()}`);
  }
  const { data }: { data: { result: { metric: { [label: string]: string } }[] } } = await response
    .json();
  const names = data.result.map(({ metric }) =>
    [metric.alertname, metric.service ?? metric.group].filter(Boolean).join(" ")
  );
  return [...new Set(names)].sort();
}
