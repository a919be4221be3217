/** Hand-made books of stages that make no mistakes, for tests to put mistakes into. */
import { Buffer } from "node:buffer";
import { addChecksum, tickHash } from "../../contract/ledger.ts";
import {
  type MinuteCount,
  minuteOf,
  ONLY_STAGE_HEADER,
  RECORD_KIND_HEADER,
} from "../../contract/records.ts";
import { decodeTick, type Tick } from "../../contract/tick.ts";
import { type Books, judge, type LedgerReport, type PartitionBook } from "./judge.ts";
import type { Tally } from "./tally.ts";
import type { TickStage } from "./tick_book.ts";
import {
  countRecord,
  finishTickCount,
  startTickCount,
  type TickTopicRecord,
} from "./tick_count.ts";
import { valuePrint } from "./value_print.ts";

/** 2013-10-07 13:31 UTC. */
export const MINUTE = 1_381_152_660_000;
export const OURS = "1000";

/** A tick that differs from those of other numbers. */
export function tickOf(number: number): Tick {
  return { source: "test", symbol: "IBM", price: 180 + number, volume: 100, timestamp: MINUTE };
}

/** The tally of ticks. */
export function tallyOf(ticks: readonly Tick[]): Tally {
  const checksum = ticks.reduce((sum, tick) => addChecksum(sum, tickHash(tick)), 0);
  return { count: ticks.length, checksum };
}

/** A receipt for ticks of one minute. */
export function receiptFor(ticks: readonly Tick[], minute = MINUTE): MinuteCount {
  const { count, checksum } = tallyOf(ticks);
  return { minute, ticks: count, checksum };
}

/** What was sent to the topic: a tick of our producer in MINUTE unless told otherwise. */
export interface Sent {
  value: unknown;
  producer_id?: string;
  timestamp_ms?: number;
  headers?: { [name: string]: string };
}

/** A marker that confirms something. */
export function marker(confirmed: unknown, producer_id = OURS, timestamp_ms = MINUTE): Sent {
  const value = { source: "producer", run: "r", confirmed };
  return { value, producer_id, timestamp_ms, headers: { [RECORD_KIND_HEADER]: "marker" } };
}

/** Ticks of our producer. */
export function ticks(...numbers: number[]): Sent[] {
  return numbers.map((number) => ({ value: tickOf(number) }));
}

function topicOf(sent: readonly Sent[], from: number): TickTopicRecord[] {
  return sent.map(({ value, producer_id = OURS, timestamp_ms = MINUTE, headers = {} }, index) => ({
    offset: String(from + index),
    timestamp: String(timestamp_ms),
    value: Buffer.from(typeof value === "string" ? value : JSON.stringify(value)),
    headers,
    batchContext: { producerId: producer_id },
  }));
}

/** What a stage that makes no mistake says of a topic. */
function takenBy(
  stage: TickStage,
  records: readonly TickTopicRecord[],
  refused: ReadonlyMap<number, number>,
): Map<number, Tally> {
  const taken = new Map<number, Tally>();
  for (const record of records) {
    const only_stage = record.headers?.[ONLY_STAGE_HEADER] ?? stage;
    if (record.headers?.[RECORD_KIND_HEADER] !== undefined || only_stage !== stage) continue;
    if (refused.has(Number(record.offset))) continue;
    const decoded = decodeTick(record.value);
    if ("fault" in decoded) continue;
    const minute = minuteOf(Number(record.timestamp));
    const sum = taken.get(minute) ?? { count: 0, checksum: 0 };
    const checksum = addChecksum(sum.checksum, tickHash(decoded.tick));
    taken.set(minute, { count: sum.count + 1, checksum });
  }
  return taken;
}

/** What was sent to a topic, and what of it the stages refused. */
export interface World {
  sent: readonly Sent[];
  refused?: { [stage in TickStage]?: readonly number[] };
  /** Offset of the first record that has survived. */
  earliest?: number;
}

/** The books of stages that make no mistakes. */
export function bookOf({ sent, refused = {}, earliest = 0 }: World): PartitionBook {
  const records = topicOf(sent, earliest);
  const letters = (offsets: readonly number[] = []) =>
    new Map(offsets.map((offset) => {
      const value = records.find((record) => Number(record.offset) === offset)?.value ?? null;
      return [offset, valuePrint(value, value?.length ?? 0)];
    }));
  const offsets = { aggregator: letters(refused.aggregator), sink: letters(refused.sink) };
  const discarded = (minute: number): number =>
    records.filter((record) =>
      minuteOf(Number(record.timestamp)) === minute &&
      (refused.aggregator ?? []).includes(Number(record.offset))
    ).length;
  const processed = takenBy("aggregator", records, offsets.aggregator);
  const stored = takenBy("sink", records, offsets.sink);
  const count = startTickCount(BigInt(earliest), offsets);
  for (const record of records) countRecord(count, record);
  const end = earliest + records.length;
  const book = finishTickCount(count);
  return {
    partition: 1,
    ticks: book,
    aggregator: new Map(
      [...book.minutes.keys()].map((minute) => [minute, {
        processed: processed.get(minute) ?? { count: 0, checksum: 0 },
        discarded: discarded(minute),
      }]),
    ),
    stored,
    positions: { aggregator: end, sink: end },
    earliest,
    end,
    letters_without_record: { aggregator: offsets.aggregator.size, sink: offsets.sink.size },
  };
}

/** Judges one partition. */
export function judged(book: PartitionBook, rest: Partial<Books> = {}): LedgerReport {
  return judge({
    partitions: [book],
    doubled: [],
    refused_at_doors: new Map(),
    letters_trimmed_to: -Infinity,
    stored_from: -Infinity,
    ...rest,
  });
}

/** What differs, as "side: message". */
export function messages(report: LedgerReport): string[] {
  return report.differences.map(({ side, message }) => `${side}: ${message}`);
}
