/** The dead letters of inputs that were refused at a door. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  DEAD_LETTER_HEAD_BYTES,
  DEAD_LETTER_HEADERS,
  deadLetterHeaders,
} from "../../contract/dead_letter.ts";
import type { StageName } from "../../contract/pipeline.ts";
import { TICK_RECORD_BYTES_MAX } from "../../contract/topics.ts";
import type { OutgoingRecord } from "../../runtime/kafka_sender.ts";
import type { RefusedInput } from "./load.ts";

const STAGE: StageName = "producer";

/**
 * The record of a refused input: its bytes as they came in, and why in headers. What is larger than
 * a tick's record can be keeps its head, its length and its SHA-256.
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
  const { source, line, fault } = input;
  const headers = deadLetterHeaders(STAGE, fault, { source, line });
  let bytes = input.bytes;
  if (bytes.length > TICK_RECORD_BYTES_MAX) {
    headers[DEAD_LETTER_HEADERS.value_length] = String(bytes.length);
    headers[DEAD_LETTER_HEADERS.value_sha256] = createHash("sha256").update(bytes).digest("hex");
    bytes = bytes.subarray(0, DEAD_LETTER_HEAD_BYTES);
  }
  // kafkajs takes bytes only as a Buffer; this is a view, not a copy.
  const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { topic, key: null, value, timestamp_ms, headers };
}
