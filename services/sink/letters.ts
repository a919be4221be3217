/** The dead letters of records that the sink refuses. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { KafkaMessage } from "kafkajs";
import {
  DEAD_LETTER_EXTRA_BYTES,
  DEAD_LETTER_HEAD_BYTES,
  DEAD_LETTER_HEADERS,
  deadLetterHeaders,
} from "../../contract/dead_letter.ts";
import { TICK_RECORD_BYTES_MAX } from "../../contract/topics.ts";
import type { OutgoingRecord } from "../../runtime/kafka_sender.ts";
import { type RefusedRecord, STAGE } from "./slice.ts";

/** Most bytes in one send: a batch must stay below the broker's limit for one. */
const SEND_BYTES_MAX = 900_000;
/** A letter above this is cut: the rest of the topic's extra room is for what Kafka adds. */
const LETTER_BYTES_MAX = TICK_RECORD_BYTES_MAX + DEAD_LETTER_EXTRA_BYTES / 2;
/** What a record costs beside its key, value and headers, at most. */
const RECORD_OVERHEAD_BYTES = 100;

/** Where the refused records lie, and where letters go. */
export interface LetterPlace {
  dead_letter_topic: string;
  topic: string;
  partition: number;
}

/**
 * The letter of a refused record: its own key, value, timestamp and headers, and why. One that the
 * dead-letter topic could not take (a record that was compressed can be larger than the topic's
 * limit) keeps the head of its value, its length and its SHA-256.
 */
export function deadLetter(
  place: LetterPlace,
  { record, fault }: RefusedRecord,
): OutgoingRecord {
  const why = deadLetterHeaders(STAGE, fault, {
    topic: place.topic,
    partition: place.partition,
    offset: record.offset,
  });
  const letter: OutgoingRecord = {
    topic: place.dead_letter_topic,
    partition: 0,
    key: record.key,
    value: record.value,
    timestamp_ms: letterTime(record),
    headers: { ...ownHeaders(record), ...why },
  };
  if (sizeOf(letter) <= LETTER_BYTES_MAX) return letter;
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

/** Kafka refuses a timestamp over an hour ahead, and a letter that can't be written stops the stream. */
function letterTime(record: KafkaMessage): number {
  return Math.max(0, Math.min(Number(record.timestamp), Date.now()));
}

/** Of a header that comes several times the first one is kept. */
function ownHeaders(record: KafkaMessage): { [name: string]: string | Uint8Array } {
  const headers: { [name: string]: string | Uint8Array } = {};
  for (const [name, value] of Object.entries(record.headers ?? {})) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) headers[name] = first;
  }
  return headers;
}

/**
 * Cuts letters into sends below the broker's limit, in their order; a large one goes alone.
 */
export function cutSends(letters: readonly OutgoingRecord[]): OutgoingRecord[][] {
  const sends: OutgoingRecord[][] = [];
  let bytes = SEND_BYTES_MAX;
  for (const letter of letters) {
    const size = sizeOf(letter);
    if (bytes + size > SEND_BYTES_MAX) {
      sends.push([]);
      bytes = 0;
    }
    sends.at(-1)!.push(letter);
    bytes += size;
  }
  return sends;
}

function sizeOf(record: OutgoingRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + lengthOf(record.key) + lengthOf(record.value);
  for (const [name, value] of Object.entries(record.headers ?? {})) {
    bytes += 10 + lengthOf(name) + lengthOf(value);
  }
  return bytes;
}

function lengthOf(part: string | Uint8Array | null): number {
  if (part === null) return 0;
  return typeof part === "string" ? Buffer.byteLength(part) : part.length;
}
