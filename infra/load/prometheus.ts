/** Asks the platform's Prometheus. */

const ASK_DEADLINE_MS = 10_000;

/** A sample of an answer. */
export interface Sample {
  labels: { [label: string]: string };
  value: number;
}

/**
 * What a query answers; what is no number is left out.
 *
 * @param url Prometheus'.
 * @param query PromQL.
 * @param at_ms As of when; absent: now.
 * @throws Error that names the query where it is not answered.
 */
export async function ask(url: string, query: string, at_ms?: number): Promise<Sample[]> {
  const time: { time?: string } = at_ms === undefined ? {} : { time: String(at_ms / 1_000) };
  const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query, ...time })}`, {
    signal: AbortSignal.timeout(ASK_DEADLINE_MS),
  });
  if (!response.ok) {
    throw new Error(`Prometheus answered ${response.status} to ${query}: ${await response.text()}`);
  }
  const { data }: {
    data: { result: { metric: Sample["labels"]; value: [number, string] }[] };
  } = await response.json();
  return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
    .filter(({ value }) => Number.isFinite(value));
}
