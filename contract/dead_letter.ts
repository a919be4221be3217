/**
 * Dead letters: the original key, value, timestamp and headers, with the why in headers that carry
 * what Kafka Connect's do (KIP-298), under the same names, so that tools which know those can read
 * ours.
 */
import type { DiscardReason, Fault } from "./tick.ts";

const PREFIX = "__connect.errors.";

/** Names of the headers that say why. */
export const DEAD_LETTER_HEADERS = {
  topic: `${PREFIX}topic`,
  partition: `${PREFIX}partition`,
  offset: `${PREFIX}offset`,
  stage: `${PREFIX}stage`,
  /** The reason it is counted by: a DiscardReason. */
  class: `${PREFIX}exception.class.name`,
  message: `${PREFIX}exception.message`,
  /** At a door, where there is no record yet: which source, and which line of it. */
  source: "tapeline-source",
  line: "tapeline-line-number",
  /** Of a value too large to keep whole: its length in bytes, and its SHA-256. */
  value_length: "tapeline-value-length",
  value_sha256: "tapeline-value-sha256",
} as const;

/** The dead-letter topic takes records this much larger than the tick topic's. */
export const DEAD_LETTER_EXTRA_BYTES = 65_536;

/** How much of a value too large to keep whole is kept. */
export const DEAD_LETTER_HEAD_BYTES = 16_384;

/** Longest message kept in a header. */
const MESSAGE_LENGTH_MAX = 1_000;

/** Where a refused record came from: a place in Kafka, or a line of a source. */
export type Origin =
  | { topic: string; partition: number; offset: string }
  | { source: string; line: number };

/**
 * The headers that say why a record is a dead letter.
 *
 * @param stage Which stage refused it (a service's name).
 * @param fault Why.
 * @param origin Where it came from.
 */
export function deadLetterHeaders(
  stage: string,
  fault: Fault,
  origin: Origin,
): { [name: string]: string } {
  const headers: { [name: string]: string } = {
    [DEAD_LETTER_HEADERS.stage]: stage,
    [DEAD_LETTER_HEADERS.class]: fault.reason satisfies DiscardReason,
    [DEAD_LETTER_HEADERS.message]: fault.message.slice(0, MESSAGE_LENGTH_MAX),
  };
  if ("topic" in origin) {
    headers[DEAD_LETTER_HEADERS.topic] = origin.topic;
    headers[DEAD_LETTER_HEADERS.partition] = String(origin.partition);
    headers[DEAD_LETTER_HEADERS.offset] = origin.offset;
  } else {
    headers[DEAD_LETTER_HEADERS.source] = origin.source;
    headers[DEAD_LETTER_HEADERS.line] = String(origin.line);
  }
  return headers;
}
