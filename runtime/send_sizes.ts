/** Sizes of records, and cutting them into sends that the broker takes. Pure. */
import { Buffer } from "node:buffer";
import type { OutgoingRecord } from "./kafka_sender.ts";

/** Most bytes in one send: a batch must stay below the broker's limit for one, 1 MiB. */
const SEND_BYTES_MAX = 900_000;
/** What a record costs beside its key, value and headers, at most; and a header beside its text. */
const RECORD_OVERHEAD_BYTES = 100;
const HEADER_OVERHEAD_BYTES = 10;

/** Upper bound of a record's bytes before compression. */
export function recordBytes(record: OutgoingRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + lengthOf(record.key) + lengthOf(record.value);
  for (const [name, value] of Object.entries(record.headers ?? {})) {
    bytes += HEADER_OVERHEAD_BYTES + lengthOf(name) + lengthOf(value);
  }
  return bytes;
}

function lengthOf(part: string | Uint8Array | null): number {
  if (part === null) return 0;
  return typeof part === "string" ? Buffer.byteLength(part) : part.length;
}

/**
 * Cuts records into sends below the broker's limit, keeping their order. One that is larger than
 * the limit goes alone: the dead-letter topic takes records larger than the tick topic's.
 */
export function cutSends(records: readonly OutgoingRecord[]): OutgoingRecord[][] {
  const sends: OutgoingRecord[][] = [];
  let bytes = SEND_BYTES_MAX;
  for (const record of records) {
    const size = recordBytes(record);
    if (bytes + size > SEND_BYTES_MAX) {
      sends.push([]);
      bytes = 0;
    }
    sends.at(-1)!.push(record);
    bytes += size;
  }
  return sends;
}
