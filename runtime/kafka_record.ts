/** A record of Kafka, as a reader brings it. */
import type { IHeaders } from "kafkajs";
import type { Fault } from "../contract/tick.ts";

/** What stages and tools look at. */
export interface KafkaRecord {
  offset: string;
  /** Milliseconds since the epoch, as a decimal string. */
  timestamp: string;
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers?: IHeaders;
}

/** A record that a stage refuses, and why. */
export interface RefusedRecord {
  record: KafkaRecord;
  fault: Fault;
}

const decoder = new TextDecoder();

/**
 * A header as text.
 *
 * @param headers A record's headers.
 * @param name Which.
 * @returns Its first value; null where there is none.
 */
export function headerText(headers: IHeaders | undefined, name: string): string | null {
  const value = headers?.[name];
  const first = Array.isArray(value) ? value[0] : value;
  if (first === undefined) return null;
  return typeof first === "string" ? first : decoder.decode(first);
}
