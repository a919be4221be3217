/** What is said at a load's end: a line for each target, and a sentence for each that was missed. Pure. */
import { type Target, thresholdOf } from "./targets.ts";

/** What k6 hands to handleSummary, as far as it is used here. */
export interface SummaryData {
  metrics: {
    [metric: string]: { values: { [statistic: string]: number | null } };
  };
}

/** A line for each target, and for one that was missed a sentence. */
export function summarize(data: SummaryData, targets: readonly Target[]): string {
  return targets.map((target) => {
    const value = measured(data, target);
    // What was not seen at all can't be said to have been kept.
    const told = value === null ? "not measured" : shown(value);
    const verdict = isKept(data, target) ? "met" : "MISSED";
    const line = `  ${verdict.padEnd(6)}  ${target.metric.padEnd(38)} ` +
      `${thresholdOf(target).padEnd(16)}  ${told}\n`;
    const sentence = `          ${target.missed.replace("{value}", told)}\n`;
    return verdict === "met" ? line : line + sentence;
  }).join("");
}

/** Whether a target was measured, and met. */
export function isKept(data: SummaryData, target: Target): boolean {
  const value = measured(data, target);
  return value !== null && value <= target.at_most;
}

/** Null where it was not; what is infinite k6 writes as null too. */
function measured({ metrics }: SummaryData, { metric, statistic }: Target): number | null {
  return metrics[metric]?.values[statistic] ?? null;
}

function shown(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(3);
}
