/** Inputs that were refused at a door, and their dead letters. */
import { createHash } from "node:crypto";
import {
  DEAD_LETTER_HEAD_BYTES,
  DEAD_LETTER_HEADERS,
  deadLetterHeaders,
} from "../../contract/dead_letter.ts";
import type { StageName } from "../../contract/pipeline.ts";
import type { Fault } from "../../contract/tick.ts";
import { TICK_RECORD_BYTES_MAX } from "../../contract/topics.ts";
import type { OutgoingRecord } from "../../runtime/kafka_sender.ts";

const STAGE: StageName = "producer";

/** Whatever is larger keeps its head, its length and its SHA-256 only. */
export const INPUT_BYTES_MAX = TICK_RECORD_BYTES_MAX;

/** An input that was refused at the door. */
export interface RefusedInput {
  source: string;
  /** Number of the line, or of the frame, from 1. */
  line: number;
  /** As they came in. */
  bytes: Uint8Array;
  /** Set where `bytes` is only the head. */
  whole?: { length: number; sha256: string };
  fault: Fault;
}

/**
 * Makes a refused input; of bytes too many to keep it keeps the head.
 *
 * @param source Which source.
 * @param line Number of the line or frame, from 1.
 * @param bytes The input as it came in.
 * @param fault What is wrong with it.
 */
export function refuseInput(
  source: string,
  line: number,
  bytes: Uint8Array,
  fault: Fault,
): RefusedInput {
  if (bytes.length <= INPUT_BYTES_MAX) return { source, line, bytes, fault };
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return {
    source,
    line,
    bytes: bytes.slice(0, DEAD_LETTER_HEAD_BYTES),
    whole: { length: bytes.length, sha256 },
    fault,
  };
}

/**
 * The dead letter of a refused input: its bytes, and why in headers.
 *
 * @param topic The dead-letter topic.
 * @param input What was refused.
 * @param timestamp_ms Time of ingest.
 */
export function refusedRecord(
  topic: string,
  input: RefusedInput,
  timestamp_ms: number,
): OutgoingRecord {
  const { source, line, fault, bytes, whole } = input;
  const headers = deadLetterHeaders(STAGE, fault, { source, line });
  if (whole) {
    headers[DEAD_LETTER_HEADERS.value_length] = String(whole.length);
    headers[DEAD_LETTER_HEADERS.value_sha256] = whole.sha256;
  }
  return { topic, key: null, value: bytes, timestamp_ms, headers };
}
