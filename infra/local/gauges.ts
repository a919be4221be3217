/** What the supervisor asks of a service's operations server. */

/** What a service answered. */
export interface Observation {
  ready: boolean;
  /** Why it is not. */
  reasons: string[];
  /** Its metrics as Prometheus text; empty if it did not answer. */
  metrics: string;
}

const ASK_DEADLINE_MS = 1_000;

/**
 * Asks a service whether it is ready, and for its metrics.
 *
 * @param operations_url Its operations server; absent: it has not said where that is.
 * @returns Never fails: a service that does not answer is not ready, and that is the reason.
 */
export async function observe(operations_url: string | undefined): Promise<Observation> {
  if (operations_url === undefined) {
    return { ready: false, reasons: ["it has not started yet"], metrics: "" };
  }
  try {
    const [readiness, metrics] = await Promise.all([
      ask(`${operations_url}/ready`),
      ask(`${operations_url}/metrics`),
    ]);
    return { ...JSON.parse(readiness) as { ready: boolean; reasons: string[] }, metrics };
  } catch (error) {
    return {
      ready: false,
      reasons: [`${operations_url} does not answer: ${(error as Error).message}`],
      metrics: "",
    };
  }
}

async function ask(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ASK_DEADLINE_MS) });
  return await response.text();
}

/**
 * The sum of a metric's samples in Prometheus' text format, over those with all the given labels.
 *
 * @param text What /metrics answered.
 * @param name The metric.
 * @param labels Labels that a sample must carry.
 */
export function sampleSum(
  text: string,
  name: string,
  labels: { readonly [label: string]: string } = {},
): number {
  const wanted = Object.entries(labels)
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  let sum = 0;
  for (const line of text.split("\n")) {
    if (!line.startsWith(name) || !/^[{ ]/.test(line.slice(name.length))) continue;
    if (wanted.every((label) => line.includes(label))) {
      sum += Number(line.slice(line.lastIndexOf(" ") + 1).replace("Inf", "Infinity"));
    }
  }
  return sum;
}
