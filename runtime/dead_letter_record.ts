/** Writes dead letters: the record that a stage has refused, as the dead-letter topic takes it. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  DEAD_LETTER_EXTRA_BYTES,
  DEAD_LETTER_HEAD_BYTES,
  DEAD_LETTER_HEADERS,
  deadLetterHeaders,
} from "../contract/dead_letter.ts";
import { TICK_RECORD_BYTES_MAX } from "../contract/topics.ts";
import type { KafkaRecord, RefusedRecord } from "./kafka_record.ts";
import type { OutgoingRecord } from "./kafka_sender.ts";
import { recordBytes } from "./send_sizes.ts";

/**
 * A letter above this (as `recordBytes` counts) is cut: the rest of the topic's extra room is for
 * what Kafka adds.
 */
export const LETTER_BYTES_MAX = TICK_RECORD_BYTES_MAX + DEAD_LETTER_EXTRA_BYTES / 2;

/** Who refuses, where the records lie, and where letters go. */
export interface LetterPlace {
  stage: string;
  dead_letter_topic: string;
  topic: string;
  partition: number;
}

/**
 * The letter of a refused record: its own key, value, timestamp and headers, and why. One that the
 * dead-letter topic could not take (a record that was compressed can be larger than the topic's
 * limit) keeps the head of its value, its length and its SHA-256.
 *
 * @param place Who refuses it, where it lies, and where the letter goes.
 * @param refused The record, and why.
 * @param now_ms The clock.
 */
export function deadLetter(
  place: LetterPlace,
  { record, fault }: RefusedRecord,
  now_ms = Date.now(),
): OutgoingRecord {
  const why = deadLetterHeaders(place.stage, fault, {
    topic: place.topic,
    partition: place.partition,
    offset: record.offset,
  });
  const letter: OutgoingRecord = {
    topic: place.dead_letter_topic,
    partition: 0,
    key: record.key,
    value: record.value,
    // Kafka refuses a timestamp over an hour ahead, and a letter that can't be written stops the
    // stream.
    timestamp_ms: Math.max(0, Math.min(Number(record.timestamp), now_ms)),
    headers: { ...ownHeaders(record), ...why },
  };
  if (recordBytes(letter) <= LETTER_BYTES_MAX) return letter;
  const value = record.value ?? Buffer.alloc(0);
  return {
    ...letter,
    key: record.key?.subarray(0, DEAD_LETTER_HEAD_BYTES) ?? null,
    value: value.subarray(0, DEAD_LETTER_HEAD_BYTES),
    headers: {
      ...why,
      [DEAD_LETTER_HEADERS.value_length]: String(value.length),
      [DEAD_LETTER_HEADERS.value_sha256]: createHash("sha256").update(value).digest("hex"),
    },
  };
}

/** Of a header that comes several times the first one is kept. */
function ownHeaders(record: KafkaRecord): { [name: string]: string | Uint8Array } {
  const headers: { [name: string]: string | Uint8Array } = {};
  for (const [name, value] of Object.entries(record.headers ?? {})) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) headers[name] = first;
  }
  return headers;
}
