/** The records of a flush as they go to Kafka, cut into sends that the broker takes. Pure. */
import { candleKey } from "../../contract/candle.ts";
import { DEAD_LETTER_EXTRA_BYTES, deadLetterHeaders } from "../../contract/dead_letter.ts";
import { ledgerKey, RECORD_KIND_HEADER, STATE_KEY } from "../../contract/records.ts";
import { TICK_RECORD_BYTES_MAX } from "../../contract/topics.ts";
import type { OutgoingRecord } from "../../runtime/kafka_sender.ts";
import type { FlushRecords, Refused } from "./partition_state.ts";

/** Where a partition's records go. */
export interface OutputNames {
  stage: string;
  tick_topic: string;
  candle_topic: string;
  dead_letter_topic: string;
}

/** Most bytes in one send: a batch must stay below the broker's limit for one, 1 MiB. */
const SEND_BYTES_MAX = 900_000;
/** What a record costs beside its key and value, at most. */
const RECORD_OVERHEAD_BYTES = 100;

/**
 * The output records of a flush, in order; the state record comes last.
 *
 * @param names Topics, and the stage's name.
 * @param partition The partition, of input and output alike.
 * @param flush What the state gave.
 * @param now_ms Timestamp of the records.
 */
export function outputRecords(
  names: OutputNames,
  partition: number,
  flush: FlushRecords,
  now_ms: number,
): OutgoingRecord[] {
  const record = (key: string, value: unknown, kind?: string): OutgoingRecord => ({
    topic: names.candle_topic,
    partition,
    key,
    value: JSON.stringify(value),
    timestamp_ms: now_ms,
    ...(kind === undefined ? {} : { headers: { [RECORD_KIND_HEADER]: kind } }),
  });
  return [
    ...flush.candles.map((candle) =>
      record(
        candleKey(candle.source, candle.symbol, candle.interval, candle.window_start),
        candle,
      )
    ),
    ...flush.ledger.map((ledger) =>
      record(ledgerKey(ledger.minute, ledger.first_offset), ledger, "ledger")
    ),
    record(STATE_KEY, flush.state, "state"),
  ];
}

/**
 * The dead letter of a refused record: its own key, value, timestamp and headers, and why.
 *
 * @param partition The partition it came in.
 */
export function deadLetter(
  names: OutputNames,
  partition: number,
  { record, fault }: Refused,
): OutgoingRecord {
  const own = Object.entries(record.headers ?? {}).flatMap(([name, value]) => {
    const first = Array.isArray(value) ? value[0] : value;
    return first === undefined ? [] : [[name, first] as const];
  });
  return {
    topic: names.dead_letter_topic,
    partition: 0,
    key: record.key,
    value: record.value,
    timestamp_ms: Number(record.timestamp),
    headers: {
      ...Object.fromEntries(own),
      ...deadLetterHeaders(names.stage, fault, {
        topic: names.tick_topic,
        partition,
        offset: record.offset,
      }),
    },
  };
}

function sizeOf(record: OutgoingRecord): number {
  const length = (part: string | Uint8Array | null): number =>
    part === null ? 0 : typeof part === "string" ? part.length * 1.5 : part.length;
  let bytes = RECORD_OVERHEAD_BYTES + length(record.key) + length(record.value);
  for (const [name, value] of Object.entries(record.headers ?? {})) {
    bytes += name.length + length(value);
  }
  return bytes;
}

/**
 * Cuts records into sends below the broker's limit, keeping their order. One that is larger than
 * the limit goes alone: the dead-letter topic takes records larger than the tick topic's.
 */
export function cutSends(records: readonly OutgoingRecord[]): OutgoingRecord[][] {
  const sends: OutgoingRecord[][] = [];
  let send: OutgoingRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = sizeOf(record);
    if (send.length > 0 && bytes + size > SEND_BYTES_MAX) {
      sends.push(send);
      send = [];
      bytes = 0;
    }
    send.push(record);
    bytes += size;
  }
  if (send.length > 0) sends.push(send);
  return sends;
}

/** The largest dead letter that can be written, in bytes. */
export const DEAD_LETTER_BYTES_MAX = TICK_RECORD_BYTES_MAX + DEAD_LETTER_EXTRA_BYTES;
