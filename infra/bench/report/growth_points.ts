/** The points of the benchmark `growth`, read off its subjects: `500 symbols`, `1,000,000 rows`. Pure. */
import type { Measurement, Run } from "../benchmark.ts";
import {
  absolute,
  type JudgedValue,
  type Metric,
  metricOf,
  type Spread,
  spreadOf,
  wrongCandles,
} from "./judged_value.ts";

/** A subject that stands for a size. */
export interface GrowthPoint {
  subject: string;
  /** What grows: `symbols`. */
  dimension: string;
  at: number;
}

const POINT = /^(\d[\d,]*(?:\.\d+)?) ?([kM])? (.+)$/;
const FACTORS: { [letter: string]: number } = { k: 1e3, M: 1e6 };

/** What size a subject stands for; null where it stands for none. */
export function growthPoint(subject: string): GrowthPoint | null {
  const [, digits, letter, what] = POINT.exec(subject) ?? [];
  if (digits === undefined || what === undefined) return null;
  const at = Number(digits.replaceAll(",", "")) * (letter === undefined ? 1 : FACTORS[letter]!);
  return { subject, at, dimension: at === 1 && /^[a-z]+[^s]$/.test(what) ? `${what}s` : what };
}

/** The points of a measurement by dimension, each from the smallest on. */
export function growthPoints({ runs }: Measurement): Map<string, GrowthPoint[]> {
  const points = [...new Set(runs.map(({ subject }) => subject))].map(growthPoint)
    .filter((point) => point !== null)
    .sort((one, other) => one.at - other.at);
  return Map.groupBy(points, ({ dimension }) => dimension);
}

/** A metric at each point of a dimension that tells it. */
export function growthLine(
  measurement: Measurement,
  dimension: string,
  metric: Metric,
): (GrowthPoint & Spread)[] {
  return (growthPoints(measurement).get(dimension) ?? []).flatMap((point) => {
    const spread = metricOf(measurement, point.subject, metric);
    return spread === null ? [] : [{ ...point, ...spread }];
  });
}

/**
 * How flat a metric stays while something grows: by how many percent its largest point is above its
 * smallest, of each round. Zero is flat.
 */
export function flatness(
  measurement: Measurement,
  dimension: string,
  metric: Metric,
): JudgedValue {
  const line = growthLine(measurement, dimension, metric);
  if (line.length < 2) {
    return { state: "not measured", why: `fewer than two points of ${dimension} tell it` };
  }
  const subjects = line.map(({ subject }) => subject);
  const wrong = wrongCandles(measurement, subjects, false);
  if (wrong !== null) return { state: "does not count", why: wrong };
  const rounds = [...Map.groupBy(measurement.runs, ({ round }) => round).values()]
    .map((runs) => valuesOf(runs, subjects, metric))
    .filter((values) => values.length === subjects.length);
  if (rounds.length === 0) {
    return { state: "not measured", why: `no round measured all points of ${dimension}` };
  }
  const judged = spreadOf(rounds.map(percentApart));
  const of_medians = percentApart(line.map((point) => point.median));
  return { state: "measured", judged, of_medians, rounds: rounds.length };
}

/** A metric at the smallest point of a dimension. */
export function atSmallest(
  measurement: Measurement,
  dimension: string,
  metric: Metric,
): JudgedValue {
  const [smallest] = growthLine(measurement, dimension, metric);
  if (smallest === undefined) {
    return { state: "not measured", why: `no point of ${dimension} tells it` };
  }
  return absolute(measurement, metric, smallest.subject);
}

/**
 * What one more of something costs: how much the cost differs between the smallest and the largest
 * point of a dimension, by how much more there is of it, of each round. What every run has to bear,
 * however small, is no part of it.
 *
 * @param cost What it costs.
 * @param amount How much there is.
 */
export function costOfOneMore(
  measurement: Measurement,
  dimension: string,
  cost: Metric,
  amount: Metric,
): JudgedValue {
  const points = growthPoints(measurement).get(dimension) ?? [];
  const ends = [points[0]?.subject, points.at(-1)?.subject];
  const costs = [...Map.groupBy(measurement.runs, ({ round }) => round).values()].flatMap(
    (runs) => {
      const [from, to] = ends.map((end) => runs.find(({ subject }) => subject === end));
      if (from === undefined || to === undefined) return [];
      const values = [cost(from), cost(to), amount(from), amount(to)];
      if (values.includes(null)) return [];
      const [cost_from, cost_to, amount_from, amount_to] = values as number[];
      const one_more = (cost_to! - cost_from!) / (amount_to! - amount_from!);
      return Number.isFinite(one_more) ? [one_more] : [];
    },
  );
  if (costs.length === 0) {
    return { state: "not measured", why: `no round tells it at both ends of ${dimension}` };
  }
  return { state: "measured", judged: spreadOf(costs), of_medians: null, rounds: costs.length };
}

function valuesOf(runs: readonly Run[], subjects: readonly string[], metric: Metric): number[] {
  return runs.filter(({ subject }) => subjects.includes(subject)).map(metric)
    .filter((value) => value !== null);
}

function percentApart(values: readonly number[]): number {
  return (Math.max(...values) / Math.min(...values) - 1) * 100;
}
