/** A record of Kafka, as a reader brings it. */
import { Buffer } from "node:buffer";
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
 * A record that stands for itself: a fetched one is a view into all that was fetched with it, and
 * keeps that in memory.
 */
export function ownRecord({ offset, timestamp, key, value, headers }: KafkaRecord): KafkaRecord {
  return {
    offset,
    timestamp,
    key: copyOf(key),
    value: copyOf(value),
    ...(headers === undefined ? {} : { headers: ownHeaders(headers) }),
  };
}

function ownHeaders(headers: IHeaders): IHeaders {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(ownHeader) : ownHeader(value),
    ]),
  ) as IHeaders;
}

function ownHeader<Value extends Uint8Array | string | undefined>(value: Value): Value {
  return (value instanceof Uint8Array ? copyOf(value) : value) as Value;
}

function copyOf(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes);
}

/** Bytes of a record's key, value and headers. */
export function bytesOf({ key, value, headers = {} }: KafkaRecord): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0);
  for (const [name, parts] of Object.entries(headers)) {
    for (const part of [parts].flat()) bytes += name.length + (part?.length ?? 0);
  }
  return bytes;
}

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
