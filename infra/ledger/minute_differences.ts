/** Holds the columns of one minute of one partition against each other. Pure. */
import type { AggregatorMinute } from "./aggregator_count.ts";
import { type Tally, without } from "./tally.ts";
import type { TickMinute, TickStage } from "./tick_book.ts";

/** Whose column differs. */
export type Side = "producer" | "aggregator" | "sink" | "ticks table";

/** Whose retention explains a difference: Kafka's (trimmed) or that of `ticks` (expired). */
export type Excuse = "trimmed" | "expired";

/** What retention may have taken of a minute. */
export interface MayLack {
  /** Records of the tick topic. */
  ticks: boolean;
  /** Dead letters. */
  letters: boolean;
  /** Rows of `ticks`. */
  rows: boolean;
}

/** What differs, and what explains it, if anything does. */
export interface MinuteDifference {
  side: Side;
  message: string;
  excuse: Excuse | null;
}

/**
 * What differs in a minute. Retention explains only what it can cause: without some records Kafka
 * holds fewer than others say, and never more; without some letters a stage has taken fewer.
 *
 * @param ticks What the tick topic says.
 * @param aggregator What the aggregator says.
 * @param stored The rows.
 * @param lack What may be missing.
 */
export function minuteDifferences(
  ticks: TickMinute,
  aggregator: AggregatorMinute,
  stored: Tally,
  lack: MayLack,
): MinuteDifference[] {
  const trimmed = lack.ticks ? "trimmed" : null;
  const missing = aggregator.discarded - ticks.stages.aggregator.refused.count;
  const lettersExplain = (shortfall: number): boolean =>
    lack.letters && missing > 0 && (lack.ticks ? missing >= shortfall : missing === shortfall);
  return [
    ...receiptDifferences(ticks, trimmed),
    ...letterDifferences(aggregator, missing, lack.letters ? "trimmed" : trimmed),
    ...stageDifferences(ticks, "aggregator", aggregator.processed, {
      // The aggregator counts what it refuses, so it is known how many letters are gone.
      fewer: (shortfall) => lettersExplain(shortfall) ? "trimmed" : null,
      more: trimmed,
    }),
    ...stageDifferences(ticks, "sink", stored, {
      fewer: () => lack.rows ? "expired" : lack.letters ? "trimmed" : null,
      more: trimmed,
    }),
  ];
}

function receiptDifferences(
  { accepted, confirmed }: TickMinute,
  trimmed: Excuse | null,
): MinuteDifference[] {
  const surplus = confirmed.count - accepted.count;
  if (surplus !== 0) {
    return [{
      side: "producer",
      message: `Kafka holds ${fewerOrMore(surplus)} than the producer was told`,
      excuse: surplus < 0 ? trimmed : null,
    }];
  }
  if (accepted.checksum === confirmed.checksum) return [];
  const message = altered("Kafka holds what the producer was told", accepted.count);
  return [{ side: "producer", message, excuse: null }];
}

function letterDifferences(
  { discarded }: AggregatorMinute,
  missing: number,
  trimmed: Excuse | null,
): MinuteDifference[] {
  if (missing === 0) return [];
  return [{
    side: "aggregator",
    message: `the aggregator has refused ${discarded} and its dead letters are ` +
      `${discarded - missing}`,
    excuse: missing > 0 ? trimmed : null,
  }];
}

/** What explains that a stage has taken fewer than Kafka holds, or more. */
interface StageExcuses {
  fewer: (shortfall: number) => Excuse | null;
  more: Excuse | null;
}

function stageDifferences(
  ticks: TickMinute,
  stage: TickStage,
  taken: Tally,
  excuses: StageExcuses,
): MinuteDifference[] {
  const { not_meant, refused } = ticks.stages[stage];
  const expected = without(without(ticks.in_kafka, not_meant), refused);
  const surplus = taken.count - expected.count;
  const verb = stage === "sink" ? "stored" : "processed";
  if (surplus !== 0) {
    const but = refused.count > 0 ? ` beside its ${refused.count} dead letters` : "";
    return [{
      side: stage,
      message: `the ${stage} has ${verb} ${fewerOrMore(surplus)} than Kafka holds${but}`,
      excuse: surplus > 0 ? excuses.more : excuses.fewer(-surplus),
    }];
  }
  if (taken.checksum === expected.checksum) return [];
  return [{
    side: stage,
    message: altered(`the ${stage} has ${verb} what Kafka holds`, taken.count),
    // As many were taken away on the one side as on the other, if both have lost some.
    excuse: excuses.more && excuses.fewer(0),
  }];
}

function fewerOrMore(surplus: number): string {
  return surplus < 0 ? `${-surplus} fewer` : `${surplus} more`;
}

function altered(what: string, count: number): string {
  return `${what} by count (${count}) and not by checksum: a tick was altered or swapped`;
}
