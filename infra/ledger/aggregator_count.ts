/** The aggregator's own count, from the records that it wrote into one candle partition. Pure. */
import type { IHeaders } from "kafkajs";
import { type LedgerRecord, RECORD_KIND_HEADER, type StateRecord } from "../../contract/records.ts";
import { headerText } from "../../runtime/kafka_record.ts";
import { addTo, emptyTally, type Tally } from "./tally.ts";

/** A record of the candle topic, as the partition reader brings it. */
export interface CandleTopicRecord {
  offset: string;
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers?: IHeaders;
}

/** The newest of each record that counts. */
export interface AggregatorCount {
  /** Ledger records by key: the newest stands. In the order in which they were last written. */
  segments: Map<string, LedgerRecord>;
  /** The next input offset as of the newest state record; 0 where there is none. */
  position: number;
}

/** What the aggregator says of a minute. */
export interface AggregatorMinute {
  processed: Tally;
  discarded: number;
}

/** An empty count. */
export function startAggregatorCount(): AggregatorCount {
  return { segments: new Map(), position: 0 };
}

const decoder = new TextDecoder();

/**
 * Takes the next record; candles are passed over.
 *
 * The position comes from the state record and not from the group's committed offset: it was
 * written in the same transaction as the counts, so whoever sees the one sees the others.
 *
 * @throws Error when a ledger or state record is not what the contract says.
 */
export function takeCandleTopicRecord(count: AggregatorCount, record: CandleTopicRecord): void {
  if (record.headers?.[RECORD_KIND_HEADER] === undefined) return;
  const kind = headerText(record.headers, RECORD_KIND_HEADER);
  if (kind !== "ledger" && kind !== "state") return;
  const key = record.key === null ? "" : decoder.decode(record.key);
  if (record.value === null) {
    count.segments.delete(key);
    return;
  }
  const text = decoder.decode(record.value);
  try {
    if (kind === "ledger") {
      const segment = ledgerRecord(text);
      count.segments.delete(key);
      count.segments.set(key, segment);
    } else count.position = positionOf(text);
  } catch (error) {
    throw new Error(
      `Cannot read the aggregator's ${kind} record at offset ${record.offset} of the candle ` +
        `topic: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

function ledgerRecord(text: string): LedgerRecord {
  const record = JSON.parse(text) as LedgerRecord;
  const { minute, processed, checksum, first_offset, discarded } = record;
  const counts = [minute, processed, checksum, Number(first_offset), ...Object.values(discarded)];
  if (!counts.every(Number.isSafeInteger)) throw new Error(`its counts are no numbers: ${text}`);
  return record;
}

function positionOf(text: string): number {
  const position = Number((JSON.parse(text) as StateRecord).next_offset);
  if (!Number.isSafeInteger(position)) throw new Error(`its next_offset is no offset: ${text}`);
  return position;
}

/**
 * The segments added up by minute. A run's segments of a minute begin one behind the other, so one
 * that was written later and begins earlier is of a run that began anew (its group was deleted):
 * it counts again what those behind it had counted, and they are left out.
 */
export function aggregatorMinutes(count: AggregatorCount): Map<number, AggregatorMinute> {
  const by_minute = new Map<number, LedgerRecord[]>();
  for (const segment of count.segments.values()) {
    const before = (by_minute.get(segment.minute) ?? [])
      .filter(({ first_offset }) => Number(first_offset) < Number(segment.first_offset));
    by_minute.set(segment.minute, [...before, segment]);
  }
  const minutes = new Map<number, AggregatorMinute>();
  for (const [minute, segments] of by_minute) {
    const sum: AggregatorMinute = { processed: emptyTally(), discarded: 0 };
    for (const { processed, checksum, discarded } of segments) {
      addTo(sum.processed, { count: processed, checksum });
      for (const refused of Object.values(discarded)) sum.discarded += refused;
    }
    minutes.set(minute, sum);
  }
  return minutes;
}
