/** Judges the ledger: for each partition and minute, do its columns agree? Pure. */
import type { AggregatorMinute } from "./aggregator_count.ts";
import { type Excuse, minuteDifferences, type Side } from "./minute_differences.ts";
import { emptyTally, type Tally } from "./tally.ts";
import { emptyMinute, TICK_STAGES, type TickBook } from "./tick_book.ts";

/** All that was read of one partition. */
export interface PartitionBook {
  partition: number;
  ticks: TickBook;
  aggregator: Map<number, AggregatorMinute>;
  /** Rows of `ticks` by minute of ingest_time. */
  stored: Map<number, Tally>;
  /** The next offset that each stage will take. */
  positions: { aggregator: number; sink: number };
  /** The tick topic's first offset. */
  earliest: number;
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
 * - trimmed: columns differ as they do where Kafka's retention has taken records or letters.
 * - expired: columns differ as they do where the retention of `ticks` has taken rows.
 */
export type Verdict = "balanced" | "differs" | "pending" | Excuse;

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
  /** What retention explains is among them only where the verdict is that it does. */
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
const MINUTE_MS = 60_000;

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
    ...unmarkedDifferences(books.partitions),
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
  const { partition, ticks, positions, earliest, end, letters_without_record } = book;
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
    if (positions[stage] < earliest) {
      add(
        stage,
        `the ${stage} is at offset ${positions[stage]}, and Kafka's retention has taken ` +
          `${earliest - positions[stage]} records from there on`,
      );
    }
    const lost = letters_without_record[stage];
    if (lost > 0) {
      add(stage, `${lost} dead letters of the ${stage} point to no record of the topic`);
    }
    const { letters, first_offset } = ticks.altered_letters[stage];
    if (letters > 0) {
      add(
        stage,
        `${letters} dead letters of the ${stage} do not hold their record's value ` +
          `(offset ${first_offset} first)`,
      );
    }
  }
  return found;
}

/**
 * A run of ours begins in every partition with a marker, so ticks of a Kafka producer that has sent
 * markers into others only are ours, and no receipt covers them.
 */
function unmarkedDifferences(books: readonly PartitionBook[]): Difference[] {
  const ours = new Set(books.flatMap(({ ticks }) => [...ticks.ours]));
  return books.flatMap(({ partition, ticks }) =>
    [...ticks.unmarked]
      .filter(([producer_id, { last_timestamp_ms }]) =>
        ours.has(producer_id) && last_timestamp_ms >= ticks.trimmed_to + MINUTE_MS
      )
      .map(([producer_id, unmarked]): Difference => ({
        partition,
        minute: null,
        side: "producer",
        message: `Kafka producer ${producer_id} has sent ${unmarked.ticks} ticks here without a ` +
          "marker, which it sends elsewhere: no receipt covers them",
      }))
  );
}

function judgePartition(book: PartitionBook, books: Books): LedgerRow[] {
  const minutes = new Set([
    ...book.ticks.minutes.keys(),
    ...book.aggregator.keys(),
    ...book.stored.keys(),
  ]);
  const { partition, positions } = book;
  const { trimmed_to, trimmed_minutes } = book.ticks;
  return [...minutes].sort((left, right) => left - right).map((minute) => {
    const ticks = book.ticks.minutes.get(minute) ?? emptyMinute();
    const aggregator = book.aggregator.get(minute) ?? { processed: emptyTally(), discarded: 0 };
    const stored = book.stored.get(minute) ?? emptyTally();
    const found = minuteDifferences(ticks, aggregator, stored, {
      ticks: minute <= trimmed_to || trimmed_minutes.has(minute),
      letters: minute <= books.letters_trimmed_to,
      rows: minute < books.stored_from,
    });
    const unexplained = found.filter(({ excuse }) => excuse === null);
    return {
      partition,
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
      verdict: ticks.last_offset >= Math.min(positions.aggregator, positions.sink)
        ? "pending"
        : unexplained.length > 0
        ? "differs"
        : found[0]?.excuse ?? "balanced",
      differences: (unexplained.length > 0 ? unexplained : found)
        .map(({ side, message }) => ({ partition, minute, side, message })),
    };
  });
}
