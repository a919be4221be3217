/** Reads dead letters back: what was refused, by which stage, why, and where it came from. */
import type { IHeaders } from "kafkajs";
import { DEAD_LETTER_HEADERS, type Origin } from "../contract/dead_letter.ts";
import { headerText, type KafkaRecord } from "./kafka_record.ts";

/** A dead letter. What a header did not tell is an empty string. */
export interface DeadLetter {
  /** Its own offset in the dead-letter topic. */
  offset: string;
  /** The original record's timestamp, ms. */
  timestamp_ms: number;
  stage: string;
  reason: string;
  message: string;
  /** Null where the headers name neither a place in Kafka nor a line of a source. */
  origin: Origin | null;
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: IHeaders;
  /** Length of the original value where only its head was kept, in bytes; otherwise null. */
  cut_from_bytes: number | null;
}

/**
 * Takes a record of the dead-letter topic apart.
 *
 * @param record The record, whoever wrote it.
 */
export function readDeadLetter(record: KafkaRecord): DeadLetter {
  const { headers } = record;
  const length = headerText(headers, DEAD_LETTER_HEADERS.value_length);
  return {
    offset: record.offset,
    timestamp_ms: Number(record.timestamp),
    stage: headerText(headers, DEAD_LETTER_HEADERS.stage) ?? "",
    reason: headerText(headers, DEAD_LETTER_HEADERS.class) ?? "",
    message: headerText(headers, DEAD_LETTER_HEADERS.message) ?? "",
    origin: originOf(headers),
    key: record.key,
    value: record.value,
    headers: headers ?? {},
    cut_from_bytes: length === null ? null : Number(length),
  };
}

function originOf(headers: IHeaders | undefined): Origin | null {
  const topic = headerText(headers, DEAD_LETTER_HEADERS.topic);
  const partition = headerText(headers, DEAD_LETTER_HEADERS.partition);
  const offset = headerText(headers, DEAD_LETTER_HEADERS.offset);
  if (topic !== null && isWhole(partition) && isWhole(offset)) {
    return { topic, partition: Number(partition), offset };
  }
  const source = headerText(headers, DEAD_LETTER_HEADERS.source);
  if (source === null) return null;
  return { source, line: Number(headerText(headers, DEAD_LETTER_HEADERS.line) ?? 0) };
}

function isWhole(text: string | null): text is string {
  return text !== null && /^\d{1,19}$/.test(text);
}
