/**
 * Counts one partition of the tick topic, record by record in offset order: what is in Kafka, what
 * of it the producer's receipts cover, and what of it the stages have refused. Pure; memory grows
 * with minutes and producers, not with ticks.
 */
import type { IHeaders } from "kafkajs";
import { tickHash } from "../../contract/ledger.ts";
import { minuteOf, ONLY_STAGE_HEADER, RECORD_KIND_HEADER } from "../../contract/records.ts";
import { decodeTick } from "../../contract/tick.ts";
import { headerText } from "../../runtime/kafka_record.ts";
import { receiptsOf } from "./receipts.ts";
import { addTo, emptyTally, type Tally } from "./tally.ts";
import {
  type AlteredLetters,
  emptyMinute,
  TICK_STAGES,
  type TickBook,
  type TickMinute,
  type TickStage,
  type UnconfirmedTail,
  type UnmarkedTicks,
} from "./tick_book.ts";
import { type Refused, valuePrint } from "./value_print.ts";

/** A record of the tick topic, as the partition reader brings it. */
export interface TickTopicRecord {
  offset: string;
  timestamp: string;
  value: Uint8Array | null;
  headers?: IHeaders;
  batchContext: { producerId: string };
}

/** Minutes and producers held at most: a client that invents timestamps must not fill memory. */
const CELLS_MAX = 1_000_000;

interface Producer {
  /** It has sent a marker, so it is one of ours. */
  ours: boolean;
  /** Its ticks since its last marker, by minute. */
  open: Map<number, Tally>;
  first_timestamp_ms: number;
  last_timestamp_ms: number;
  malformed_receipts: number;
}

/** A count under way. */
export interface TickCount {
  minutes: Map<number, TickMinute>;
  producers: Map<string, Producer>;
  refused: { [stage in TickStage]: Refused };
  altered_letters: { [stage in TickStage]: AlteredLetters };
  trimmed: boolean;
  trimmed_to: number;
  trimmed_minutes: Set<number>;
  cells: number;
  // The minute of the last record, which is nearly always the next one's too.
  current_minute: number;
  current: TickMinute | null;
}

/**
 * Starts a count.
 *
 * @param earliest The partition's first offset: above 0, something was trimmed.
 * @param refused What is in the dead letters, by stage. What is found is taken out, so that what
 *   stays points to no record.
 * @param left_out_to Minutes up to this one are not all read, by intent; -Infinity for none.
 */
export function startTickCount(
  earliest: bigint,
  refused: { [stage in TickStage]: Refused },
  left_out_to = -Infinity,
): TickCount {
  const none = () => ({ letters: 0, first_offset: -1 });
  return {
    minutes: new Map(),
    producers: new Map(),
    refused,
    altered_letters: { aggregator: none(), sink: none() },
    trimmed: earliest > 0n,
    // Until a record says how far: with none left, all there was is gone.
    trimmed_to: earliest > 0n ? Infinity : left_out_to,
    trimmed_minutes: new Set(),
    cells: 0,
    current_minute: NaN,
    current: null,
  };
}

function takeCell(count: TickCount): void {
  if (++count.cells > CELLS_MAX) {
    throw new Error(
      `Cannot count the tick topic: its records name over ${CELLS_MAX} minutes and producers in ` +
        "one partition. A client other than Tapeline's writes odd timestamps to it",
    );
  }
}

function minuteAt(count: TickCount, minute: number): TickMinute {
  if (minute === count.current_minute) return count.current!;
  let found = count.minutes.get(minute);
  if (!found) {
    takeCell(count);
    count.minutes.set(minute, found = emptyMinute());
  }
  count.current_minute = minute;
  return count.current = found;
}

function producerOf(count: TickCount, producer_id: string): Producer {
  let producer = count.producers.get(producer_id);
  if (!producer) {
    takeCell(count);
    producer = {
      ours: false,
      open: new Map(),
      first_timestamp_ms: 0,
      last_timestamp_ms: 0,
      malformed_receipts: 0,
    };
    count.producers.set(producer_id, producer);
  }
  return producer;
}

/**
 * Counts the next record.
 *
 * @param count The count.
 * @param record Records come in offset order.
 * @throws Error when there are more minutes than any honest topic has.
 */
export function countRecord(count: TickCount, record: TickTopicRecord): void {
  const timestamp_ms = Number(record.timestamp);
  if (count.trimmed_to === Infinity) count.trimmed_to = minuteOf(timestamp_ms);
  const { headers } = record;
  if (headers !== undefined && headers[RECORD_KIND_HEADER] !== undefined) {
    for (const stage of TICK_STAGES) takeLetter(count, stage, record);
    if (headerText(headers, RECORD_KIND_HEADER) === "marker") countMarker(count, record);
    return;
  }
  const decoded = decodeTick(record.value);
  const tally = { count: 1, checksum: "tick" in decoded ? tickHash(decoded.tick) : 0 };
  const minute = minuteAt(count, minuteOf(timestamp_ms));
  const offset = Number(record.offset);
  minute.last_offset = offset;
  addTo(minute.in_kafka, tally);
  if ("fault" in decoded) minute.invalid++;
  countOpen(count, record.batchContext.producerId, timestamp_ms, tally);

  const only_stage = headers === undefined ? undefined : onlyStage(headers);
  for (const stage of TICK_STAGES) {
    const counts = minute.stages[stage];
    if (only_stage !== undefined && only_stage !== stage) addTo(counts.not_meant, tally);
    if (takeLetter(count, stage, record)) addTo(counts.refused, tally);
  }
}

/** Another client may name a stage that there is not: then nobody took it, and that shows. */
function onlyStage(headers: IHeaders): TickStage | undefined {
  const named = headerText(headers, ONLY_STAGE_HEADER);
  return TICK_STAGES.find((stage) => stage === named);
}

/** Takes a record's letter out, if there is one, and looks whether it holds the record's value. */
function takeLetter(count: TickCount, stage: TickStage, record: TickTopicRecord): boolean {
  const refused = count.refused[stage];
  if (refused.size === 0) return false;
  const offset = Number(record.offset);
  const print = refused.get(offset);
  if (print === undefined) return false;
  refused.delete(offset);
  if (print !== valuePrint(record.value, record.value?.length ?? 0)) {
    const altered = count.altered_letters[stage];
    if (altered.letters++ === 0) altered.first_offset = offset;
  }
  return true;
}

function countOpen(
  count: TickCount,
  producer_id: string,
  timestamp_ms: number,
  tally: Tally,
): void {
  const producer = producerOf(count, producer_id);
  const minute = minuteOf(timestamp_ms);
  let open = producer.open.get(minute);
  if (!open) {
    if (producer.open.size === 0) producer.first_timestamp_ms = timestamp_ms;
    takeCell(count);
    producer.open.set(minute, open = emptyTally());
  }
  producer.last_timestamp_ms = timestamp_ms;
  addTo(open, tally);
}

/** Kafka's id for a producer that is not idempotent, which ours always are. */
const NO_PRODUCER_ID = "-1";

function countMarker(count: TickCount, record: TickTopicRecord): void {
  if (record.batchContext.producerId === NO_PRODUCER_ID) return;
  const producer = producerOf(count, record.batchContext.producerId);
  const receipts = receiptsOf(record.value);
  if (receipts === null) {
    // It is no word on any tick: those before it wait for the next marker. It makes nobody ours,
    // since any client may write such a thing.
    producer.malformed_receipts++;
    return;
  }
  for (const { minute, ticks, checksum } of receipts) {
    addTo(minuteAt(count, minute).accepted, { count: ticks, checksum });
    // The first receipt that has survived may cover ticks which have not.
    if (count.trimmed && !producer.ours) count.trimmed_minutes.add(minute);
  }
  for (const [minute, tally] of producer.open) addTo(minuteAt(count, minute).confirmed, tally);
  count.cells -= producer.open.size;
  producer.open.clear();
  producer.ours = true;
}

/**
 * Ends a count: what no marker covers is others' or unconfirmed.
 *
 * @param count The count; not to be used again.
 */
export function finishTickCount(count: TickCount): TickBook {
  const tails: UnconfirmedTail[] = [];
  const ours = new Set<string>();
  const unmarked = new Map<string, UnmarkedTicks>();
  let malformed_receipts = 0;
  for (const [producer_id, producer] of count.producers) {
    let ticks = 0;
    for (const [minute, tally] of producer.open) {
      const { unconfirmed, foreign } = minuteAt(count, minute);
      addTo(producer.ours ? unconfirmed : foreign, tally);
      ticks += tally.count;
    }
    const { first_timestamp_ms, last_timestamp_ms } = producer;
    if (!producer.ours) {
      unmarked.set(producer_id, { ticks, last_timestamp_ms });
      continue;
    }
    ours.add(producer_id);
    malformed_receipts += producer.malformed_receipts;
    if (ticks > 0) tails.push({ producer_id, ticks, first_timestamp_ms, last_timestamp_ms });
  }
  const { minutes, trimmed_to, trimmed_minutes, altered_letters } = count;
  return {
    minutes,
    tails,
    trimmed_to,
    trimmed_minutes,
    malformed_receipts,
    ours,
    unmarked,
    altered_letters,
  };
}
