/** One partition of the tick topic as the ledger sees it. Pure. */
import { emptyTally, type Tally } from "./tally.ts";

/** The stages that read ticks: each must have taken or refused what is in Kafka. */
export const TICK_STAGES = ["aggregator", "sink"] as const;

export type TickStage = (typeof TICK_STAGES)[number];

/** One minute of record timestamps in one partition. */
export interface TickMinute {
  /** All records that are or should be ticks; the checksum is over those that are. */
  in_kafka: Tally;
  /** How many of them are no valid ticks. */
  invalid: number;
  /** What the producers' receipts say. */
  accepted: Tally;
  /** What Kafka holds of the ticks that those receipts cover. */
  confirmed: Tally;
  /** Behind the last marker of a producer of ours: nobody was told that they are there. */
  unconfirmed: Tally;
  /** Written by others than our producers. */
  foreign: Tally;
  /** The part of `in_kafka` that is meant for other stages only, and that the stage refused. */
  stages: { [stage in TickStage]: { not_meant: Tally; refused: Tally } };
  /** Offset of its last record; -1 where Kafka holds none. */
  last_offset: number;
}

/** What a producer left behind its last marker. */
export interface UnconfirmedTail {
  producer_id: string;
  ticks: number;
  first_timestamp_ms: number;
  last_timestamp_ms: number;
}

/** What a producer sent that has put no marker into this partition. */
export interface UnmarkedTicks {
  ticks: number;
  last_timestamp_ms: number;
}

/** Letters that do not hold the value of the record that they name. */
export interface AlteredLetters {
  letters: number;
  /** -1 where there is none. */
  first_offset: number;
}

/** One partition of the tick topic, counted. */
export interface TickBook {
  minutes: Map<number, TickMinute>;
  tails: UnconfirmedTail[];
  /** Minutes up to this one may have lost records to retention; -Infinity where none was trimmed. */
  trimmed_to: number;
  /** Further minutes that a receipt names which covers trimmed records too. */
  trimmed_minutes: Set<number>;
  /** Markers of our producers whose receipts could not be read. */
  malformed_receipts: number;
  /** Kafka producer ids that have sent a marker here. */
  ours: Set<string>;
  /** What others sent, by their Kafka producer ids. */
  unmarked: Map<string, UnmarkedTicks>;
  altered_letters: { [stage in TickStage]: AlteredLetters };
}

/** A minute of which nothing is known. */
export function emptyMinute(): TickMinute {
  const stage = () => ({ not_meant: emptyTally(), refused: emptyTally() });
  return {
    in_kafka: emptyTally(),
    invalid: 0,
    accepted: emptyTally(),
    confirmed: emptyTally(),
    unconfirmed: emptyTally(),
    foreign: emptyTally(),
    stages: { aggregator: stage(), sink: stage() },
    last_offset: -1,
  };
}
