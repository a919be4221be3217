/** What a benchmark's runs come to, as one value that can be judged. Pure. */
import type { Measurement, Run } from "../benchmark.ts";
import { median, sumOf } from "../figures.ts";

/** What is read off a run; null where the run does not tell it. */
export type Metric = (run: Run) => number | null;

/** Several values: the middle one, and how far they lie apart. */
export interface Spread {
  median: number;
  least: number;
  most: number;
}

/** A value that was measured, or why there is none. */
export type JudgedValue =
  | {
    state: "measured";
    /** The median over the rounds: this is judged. */
    judged: Spread;
    /** The medians of both sides held against each other, for whoever compares it; null without a peer. */
    of_medians: number | null;
    rounds: number;
  }
  | { state: "does not count" | "not measured"; why: string };

/** Work done in a second. */
export const rate: Metric = ({ work, wall_seconds }) => finite(work / wall_seconds);

/** How long it took. */
export const wallSeconds: Metric = ({ wall_seconds }) => finite(wall_seconds);

/** CPU time of all its processes for one unit of work. */
export const cpuMicroseconds: Metric = ({ work, cpu_seconds }) =>
  finite(sumOf(Object.values(cpu_seconds)) / work * 1e6);

/**
 * A figure that the run brings by itself.
 *
 * @param name Its name.
 * @param otherwise What stands for it where the run does not bring it.
 */
export function figure(name: string, otherwise: Metric = () => null): Metric {
  return (run) => {
    const value = run.figures?.[name];
    return value === undefined ? otherwise(run) : finite(value);
  };
}

/** Median, least and most of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** The runs of one subject, by round. */
export function runsOf({ runs }: Measurement, subject: string): Run[] {
  return runs.filter((run) => run.subject === subject).sort((one, other) =>
    one.round - other.round
  );
}

/** What a metric is over a subject's runs; null where none tells it. */
export function metricOf(
  measurement: Measurement,
  subject: string,
  metric: Metric,
): Spread | null {
  const values = runsOf(measurement, subject).map(metric).filter((value) => value !== null);
  return values.length === 0 ? null : spreadOf(values);
}

/**
 * Each of our runs against the peer's of the same round, so that a machine that slows down slows both.
 *
 * @param metric What is held against each other.
 * @param ours Our subject.
 * @param peer Theirs.
 * @param needs_candles Whether it counts only where candles were compared.
 */
export function ratioByRound(
  measurement: Measurement,
  metric: Metric,
  ours: string,
  peer: string,
  needs_candles: boolean,
): JudgedValue {
  const pairs = runsOf(measurement, ours).flatMap((own) => {
    const other = runsOf(measurement, peer).find(({ round }) => round === own.round);
    const values = other === undefined ? [null] : [metric(own), metric(other)];
    return values.includes(null) || values[1] === 0 ? [] : [values as [number, number]];
  });
  if (pairs.length === 0) {
    return { state: "not measured", why: `no round measured both ${ours} and ${peer}` };
  }
  const wrong = wrongCandles(measurement, [ours, peer], needs_candles);
  if (wrong !== null) return { state: "does not count", why: wrong };
  const judged = spreadOf(pairs.map(([own, other]) => own / other));
  const of_medians = median(pairs.map(([own]) => own)) / median(pairs.map(([, other]) => other));
  return { state: "measured", judged, of_medians, rounds: pairs.length };
}

/** A metric of one subject by itself. */
export function absolute(measurement: Measurement, metric: Metric, subject: string): JudgedValue {
  const values = runsOf(measurement, subject).map(metric).filter((value) => value !== null);
  if (values.length === 0) {
    return { state: "not measured", why: `no run of ${subject} tells it` };
  }
  const wrong = wrongCandles(measurement, [subject], false);
  if (wrong !== null) return { state: "does not count", why: wrong };
  const judged = spreadOf(values);
  return { state: "measured", judged, of_medians: null, rounds: values.length };
}

/** How many results were compared, and of what kind. */
export function comparedOf(compared: Run["compared"]): [count: number, what: "candles" | "rows"] {
  if (compared === undefined) return [0, "candles"];
  return "rows" in compared ? [compared.rows, "rows"] : [compared.candles, "candles"];
}

/** Why a figure of these subjects does not count; null where it does. */
export function wrongCandles(
  measurement: Measurement,
  subjects: readonly string[],
  needs_candles: boolean,
): string | null {
  for (const subject of subjects) {
    for (const { compared, round } of runsOf(measurement, subject)) {
      const where = `of ${subject} in round ${round + 1}`;
      const [count, what] = comparedOf(compared);
      if (count === 0) {
        if (needs_candles) return `no candles ${where} were compared`;
      } else if (compared!.differing > 0) {
        return `${compared!.differing} of ${count} ${what} ${where} differ`;
      }
    }
  }
  return null;
}

/** Division by nothing is no value. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
