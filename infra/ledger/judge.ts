/** Judges the ledger: for each partition and minute, do its columns agree? Pure. */
import type { AggregatorMinute } from "./aggregator_count.ts";
import { emptyTally, type Tally, without } from "./tally.ts";
import { emptyMinute, TICK_STAGES, type TickBook, type TickMinute } from "./tick_count.ts";

/** All that was read of one partition. */
export interface PartitionBook {
  partition: number;
  ticks: TickBook;
  aggregator: Map<number, AggregatorMinute>;
  /** Rows of `ticks` by minute of ingest_time. */
  stored: Map<number, Tally>;
  /** The next offset that each stage will take. */
  positions: { aggregator: number; sink: number };
  /** The tick topic's end, taken after all else was read. */
  end: number;
  /** Letters of a stage that point to no record of the topic. */
  letters_without_record: { aggregator: number; sink: number };
}

/** A row that is in `ticks` more than once. */
export interface DoubledRow {
  partition: number;
  offset: string;
  rows: number;
}

/** All that was read. */
export interface Books {
  partitions: readonly PartitionBook[];
  doubled: readonly DoubledRow[];
  /** Refused before they were ticks, by reason. */
  refused_at_doors: ReadonlyMap<string, number>;
  /** Minutes up to this one may lack dead letters that have expired; -Infinity for none. */
  letters_trimmed_to: number;
  /** Rows of minutes before this one may have expired. */
  stored_from: number;
}

/**
 * - balanced: every column agrees.
 * - differs: some do not, and nothing explains it.
 * - pending: a stage has not passed all of the minute's records.
 * - trimmed: columns differ, where Kafka's retention has taken records or letters.
 * - expired: columns differ, where the retention of `ticks` has taken rows.
 */
export type Verdict = "balanced" | "differs" | "pending" | "trimmed" | "expired";

/** Whose column differs. */
export type Side = "producer" | "aggregator" | "sink" | "ticks table";

/** One thing that is wrong, as a sentence. */
export interface Difference {
  partition: number;
  /** Null where it is of the whole partition. */
  minute: number | null;
  side: Side;
  message: string;
}

/** A minute of a partition with all its columns. */
export interface LedgerRow {
  partition: number;
  minute: number;
  accepted: Tally;
  confirmed: Tally;
  unconfirmed: Tally;
  foreign: Tally;
  in_kafka: Tally;
  invalid: number;
  /** Records that are replayed letters for one of the stages only. */
  for_one_stage: number;
  processed: Tally;
  aggregator_letters: number;
  stored: Tally;
  sink_letters: number;
  verdict: Verdict;
  differences: Difference[];
}

/** The ledger, judged. */
export interface LedgerReport {
  /** not_judged: there are ticks, and no minute of them can be judged. */
  verdict: "balances" | "differs" | "not_judged";
  rows: LedgerRow[];
  differences: Difference[];
  doubled: DoubledRow[];
  refused_at_doors: { [reason: string]: number };
  positions: { partition: number; aggregator: number; sink: number; end: number }[];
}

/**
 * A producer confirms within a second; a tail that spans more than this is not the one batch that
 * a kill may leave behind.
 */
const UNCONFIRMED_SPAN_MS_MAX = 60_000;

/**
 * Judges the books.
 *
 * A minute is judged when every record of it lies below both stages' positions. That is exact
 * without a clock because positions were read first and the topic's end last: a record that came
 * late into the minute lies above the positions and makes it pending. What a producer has sent
 * after its last marker is shown apart and compared with nothing, whether it was killed or lives.
 *
 * @param books All that was read.
 */
export function judge(books: Books): LedgerReport {
  const rows = books.partitions.flatMap((book) => judgePartition(book, books));
  const differences = [
    ...books.partitions.flatMap(partitionDifferences),
    ...books.doubled.map((row): Difference => ({
      partition: row.partition,
      minute: null,
      side: "ticks table",
      message: `offset ${row.offset} is in the ticks table ${row.rows} times`,
    })),
    ...rows.flatMap((row) => row.verdict === "differs" ? row.differences : []),
  ];
  const judged = rows.some((row) => row.verdict === "balanced");
  return {
    verdict: differences.length > 0
      ? "differs"
      : judged || rows.length === 0
      ? "balances"
      : "not_judged",
    rows,
    differences,
    doubled: [...books.doubled],
    refused_at_doors: Object.fromEntries(books.refused_at_doors),
    positions: books.partitions.map(({ partition, positions, end }) => ({
      partition,
      ...positions,
      end,
    })),
  };
}

/** What is wrong with a partition as a whole. */
function partitionDifferences(book: PartitionBook): Difference[] {
  const { partition, ticks, positions, end, letters_without_record } = book;
  const found: Difference[] = [];
  const add = (side: Side, message: string) =>
    found.push({ partition, minute: null, side, message });
  for (const tail of ticks.tails) {
    const span_ms = tail.last_timestamp_ms - tail.first_timestamp_ms;
    if (span_ms > UNCONFIRMED_SPAN_MS_MAX) {
      add(
        "producer",
        `Kafka producer ${tail.producer_id} has sent ${tail.ticks} ticks over ` +
          `${Math.round(span_ms / 1000)} s without a receipt for them`,
      );
    }
  }
  if (ticks.malformed_receipts > 0) {
    add("producer", `${ticks.malformed_receipts} markers hold receipts that can't be read`);
  }
  for (const stage of TICK_STAGES) {
    if (positions[stage] > end) {
      add(stage, `the ${stage} is at offset ${positions[stage]}, past the topic's end ${end}`);
    }
    const lost = letters_without_record[stage];
    if (lost > 0) {
      add(stage, `${lost} dead letters of the ${stage} point to no record of the topic`);
    }
  }
  return found;
}

function judgePartition(book: PartitionBook, books: Books): LedgerRow[] {
  const minutes = new Set([
    ...book.ticks.minutes.keys(),
    ...book.aggregator.keys(),
    ...book.stored.keys(),
  ]);
  return [...minutes].sort((left, right) => left - right).map((minute) => {
    const ticks = book.ticks.minutes.get(minute) ?? emptyMinute();
    const aggregator = book.aggregator.get(minute) ?? { processed: emptyTally(), discarded: 0 };
    const stored = book.stored.get(minute) ?? emptyTally();
    const differences = minuteDifferences(book.partition, minute, ticks, aggregator, stored);
    return {
      partition: book.partition,
      minute,
      accepted: ticks.accepted,
      confirmed: ticks.confirmed,
      unconfirmed: ticks.unconfirmed,
      foreign: ticks.foreign,
      in_kafka: ticks.in_kafka,
      invalid: ticks.invalid,
      for_one_stage: ticks.stages.aggregator.not_meant.count + ticks.stages.sink.not_meant.count,
      processed: aggregator.processed,
      aggregator_letters: ticks.stages.aggregator.refused.count,
      stored,
      sink_letters: ticks.stages.sink.refused.count,
      verdict: verdictOf(book, books, minute, ticks.last_offset, differences),
      differences,
    };
  });
}

function verdictOf(
  book: PartitionBook,
  books: Books,
  minute: number,
  last_offset: number,
  differences: readonly Difference[],
): Verdict {
  const { aggregator, sink } = book.positions;
  if (last_offset >= Math.min(aggregator, sink)) return "pending";
  if (differences.length === 0) return "balanced";
  const { trimmed_to, trimmed_minutes } = book.ticks;
  if (minute <= trimmed_to || trimmed_minutes.has(minute)) return "trimmed";
  if (minute <= books.letters_trimmed_to) return "trimmed";
  // Only rows expire, so whatever the others differ in is not explained by it.
  const only_sink = differences.every((difference) => difference.side === "sink");
  return minute < books.stored_from && only_sink ? "expired" : "differs";
}

/** Holds the columns of a minute against each other. */
function minuteDifferences(
  partition: number,
  minute: number,
  ticks: TickMinute,
  aggregator: AggregatorMinute,
  stored: Tally,
): Difference[] {
  const found: Difference[] = [];
  const add = (side: Side, message: string) => found.push({ partition, minute, side, message });

  const { accepted, confirmed } = ticks;
  if (accepted.count !== confirmed.count) {
    add(
      "producer",
      `Kafka holds ${fewerOrMore(confirmed.count - accepted.count)} than the producer was told`,
    );
  } else if (accepted.checksum !== confirmed.checksum) {
    add("producer", altered("Kafka holds what the producer was told", accepted.count));
  }

  const { processed, discarded } = aggregator;
  const letters = ticks.stages.aggregator.refused.count;
  if (discarded !== letters) {
    add(
      "aggregator",
      `the aggregator has refused ${discarded} and its dead letters are ${letters}`,
    );
  }
  for (
    const { stage, verb, taken } of [
      { stage: "aggregator", verb: "processed", taken: processed },
      { stage: "sink", verb: "stored", taken: stored },
    ] as const
  ) {
    const { not_meant, refused } = ticks.stages[stage];
    const expected = without(without(ticks.in_kafka, not_meant), refused);
    if (taken.count !== expected.count) {
      const but = refused.count > 0 ? ` beside its ${refused.count} dead letters` : "";
      add(
        stage,
        `the ${stage} has ${verb} ${fewerOrMore(taken.count - expected.count)} than Kafka holds` +
          but,
      );
    } else if (taken.checksum !== expected.checksum) {
      add(stage, altered(`the ${stage} has ${verb} what Kafka holds`, taken.count));
    }
  }
  return found;
}

function fewerOrMore(surplus: number): string {
  return surplus < 0 ? `${-surplus} fewer` : `${surplus} more`;
}

function altered(what: string, count: number): string {
  return `${what} by count (${count}) and not by checksum: a tick was altered or swapped`;
}
