/** For tests: what the real Prometheus answers. */

/** What Prometheus answers to a query: the samples' labels and values. */
export async function query(
  prometheus: string,
  expression: string,
): Promise<{ metric: { [label: string]: string }; value: [number, string] }[]> {
  const url = `${prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  const answer = await response.json();
  if (answer.status !== "success") throw new Error(`${expression}: ${JSON.stringify(answer)}`);
  return answer.data.result;
}
