/** What k6 says at its end: a line for each target, and a sentence for each that was missed. Pure. */
import type { Target } from "./targets.ts";

/** What k6 hands to handleSummary, as far as it is used here. */
export interface SummaryData {
  metrics: {
    [metric: string]: {
      values: { [statistic: string]: number };
      thresholds?: { [threshold: string]: { ok: boolean } };
    };
  };
}

/** A line for each target, and for one that was missed a sentence. */
export function summarize(data: SummaryData, targets: readonly Target[]): string {
  const lines = targets.flatMap(({ metric, threshold, missed }) => {
    const found = data.metrics[metric];
    const value = found === undefined ? undefined : measured(found.values, threshold);
    // What k6 has not seen at all it does not judge: for us that is missed.
    const is_met = value !== undefined && found?.thresholds?.[threshold]?.ok === true;
    const told = value === undefined ? "not measured" : shown(value);
    const line = `  ${(is_met ? "met" : "MISSED").padEnd(6)}  ${metric.padEnd(38)} ` +
      `${threshold.padEnd(12)}  ${told}`;
    return is_met ? [line] : [line, `          ${missed.replace("{value}", told)}`];
  });
  return `${lines.join("\n")}\n`;
}

/** The statistic that a threshold asks for: `p(95)<=20` asks for `p(95)`. */
function measured(values: { [statistic: string]: number }, threshold: string): number | undefined {
  return values[/^[^<>=]+/.exec(threshold)![0]];
}

function shown(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(3);
}
