/**
 * How fetched records are decoded, in the place of kafkajs' own way: that makes six 64-bit integers
 * of objects, three buffers and two objects for each record, most of which nobody looks at. Here a
 * record is one object that knows where its parts lie, and makes them when they are asked for.
 */
import { Buffer } from "node:buffer";
import OriginalBatch from "kafkajs/src/consumer/batch.js";
import filterAbortedMessages from "kafkajs/src/consumer/filterAbortedMessages.js";
import errors from "kafkajs/src/errors.js";
import compression from "kafkajs/src/protocol/message/compression/index.js";
import "kafkajs/src/protocol/recordBatch/v0/decoder.js";
import { replaceExports } from "./kafkajs_replace.ts";

/** Where kafkajs reads: a buffer, and how far it has read. */
interface Decoder {
  buffer: Buffer;
  offset: number;
}

/** What kafkajs knows of a batch, and hands on with each of its records. */
export interface BatchContext {
  firstOffset: string;
  firstTimestamp: string;
  partitionLeaderEpoch: number;
  inTransaction: boolean;
  isControlBatch: boolean;
  lastOffsetDelta: number;
  producerId: string;
  producerEpoch: number;
  firstSequence: number;
  maxTimestamp: string;
  timestampType: 0 | 1;
}

/** Bytes before the first record of a batch that are not counted in its length: offset and length. */
const PREFIX_BYTES = 12;
const LOG_APPEND_TIME = 1;
const ATTRIBUTES = { log_append_time: 0x08, transactional: 0x10, control: 0x20 };

/** Reads varints (https://protobuf.dev/programming-guides/encoding/#varints) from a buffer. */
class Cursor {
  constructor(readonly bytes: Uint8Array, public at: number) {}

  /** A zigzag varint; exact up to 2^53. */
  varint(): number {
    const { bytes } = this;
    let byte = bytes[this.at++]!;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    let weight = 0x80;
    do {
      byte = bytes[this.at++]!;
      value += (byte & 0x7f) * weight;
      weight *= 0x80;
    } while (byte >= 0x80);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

/**
 * A record of Kafka's format v2 (https://kafka.apache.org/documentation/#record) within the bytes of
 * its batch, with the fields that kafkajs' own have. Each part is made anew when it is asked for, so
 * that a copy by `{ ...record }` has none of them.
 */
export class LazyRecord {
  constructor(
    private readonly bytes: Buffer,
    readonly batchContext: BatchContext,
    private readonly offset_number: number,
    private readonly timestamp_number: number,
    private readonly key_at: number,
    private readonly key_length: number,
    private readonly value_at: number,
    private readonly value_length: number,
    private readonly headers_at: number,
  ) {}

  get offset(): string {
    return String(this.offset_number);
  }

  get timestamp(): string {
    return String(this.timestamp_number);
  }

  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch;
  }

  get key(): Buffer | null {
    return part(this.bytes, this.key_at, this.key_length);
  }

  get value(): Buffer | null {
    return part(this.bytes, this.value_at, this.value_length);
  }

  /** None at all, not even an empty object, where the record has none. */
  get headers(): { [name: string]: Buffer | null | (Buffer | null)[] } | undefined {
    if (this.headers_at < 0) return undefined;
    const cursor = new Cursor(this.bytes, this.headers_at);
    const headers: { [name: string]: Buffer | null | (Buffer | null)[] } = {};
    for (let left = cursor.varint(); left > 0; left--) {
      const name = next(this.bytes, cursor)!.toString("utf8");
      const value = next(this.bytes, cursor);
      const known = headers[name];
      headers[name] = known === undefined
        ? value
        : Array.isArray(known)
        ? [...known, value]
        : [known, value];
    }
    return headers;
  }
}

function part(bytes: Buffer, at: number, length: number): Buffer | null {
  return length < 0 ? null : bytes.subarray(at, at + length);
}

/** The next length and bytes; -1 stands for null. */
function next(bytes: Buffer, cursor: Cursor): Buffer | null {
  const length = cursor.varint();
  const found = part(bytes, cursor.at, length);
  if (length > 0) cursor.at += length;
  return found;
}

/**
 * Decodes one batch of records, as kafkajs' `protocol/recordBatch/v0/decoder.js` does.
 *
 * @param fetched Stands at the batch; stands behind it afterwards.
 * @throws kafkajs' KafkaJSPartialMessageError where the fetch ended within the batch.
 */
export async function decodeBatch(
  fetched: Decoder,
): Promise<BatchContext & { records: LazyRecord[] }> {
  const { buffer, offset } = fetched;
  const first_offset = buffer.readBigInt64BE(offset);
  const length = buffer.readInt32BE(offset + 8);
  const start = offset + PREFIX_BYTES;
  fetched.offset = start + length;
  const remaining = buffer.length - start;
  if (remaining < length) {
    throw new errors.KafkaJSPartialMessageError(
      `A batch of ${length} bytes was cut after ${remaining}`,
    );
  }
  // Leader epoch (4), magic (1) and checksum (4) come first.
  const attributes = buffer.readInt16BE(start + 9);
  const context: BatchContext = {
    firstOffset: String(first_offset),
    firstTimestamp: String(buffer.readBigInt64BE(start + 15)),
    partitionLeaderEpoch: buffer.readInt32BE(start),
    inTransaction: (attributes & ATTRIBUTES.transactional) > 0,
    isControlBatch: (attributes & ATTRIBUTES.control) > 0,
    lastOffsetDelta: buffer.readInt32BE(start + 11),
    producerId: String(buffer.readBigInt64BE(start + 31)),
    producerEpoch: buffer.readInt16BE(start + 39),
    firstSequence: buffer.readInt32BE(start + 41),
    maxTimestamp: String(buffer.readBigInt64BE(start + 23)),
    timestampType: (attributes & ATTRIBUTES.log_append_time) > 0 ? LOG_APPEND_TIME : 0,
  };
  const count = buffer.readInt32BE(start + 45);
  const codec = compression.lookupCodecByAttributes(attributes);
  const body = buffer.subarray(start + 49, start + length);
  const bytes: Buffer = codec && count > 0 ? await codec.decompress(body) : body;
  return { ...context, records: decodeRecords(bytes, count, context) };
}

function decodeRecords(bytes: Buffer, count: number, context: BatchContext): LazyRecord[] {
  const first_offset = Number(context.firstOffset);
  const first_timestamp = Number(context.firstTimestamp);
  const appended_at = context.timestampType === LOG_APPEND_TIME
    ? Number(context.maxTimestamp)
    : null;
  const cursor = new Cursor(bytes, 0);
  const records: LazyRecord[] = [];
  for (let index = 0; index < count; index++) {
    const length = cursor.varint();
    const end = cursor.at + length;
    // The attributes of a record are unused.
    cursor.at++;
    const timestamp = first_timestamp + cursor.varint();
    const offset = first_offset + cursor.varint();
    const key_length = cursor.varint();
    const key_at = cursor.at;
    if (key_length > 0) cursor.at += key_length;
    const value_length = cursor.varint();
    const value_at = cursor.at;
    if (value_length > 0) cursor.at += value_length;
    const headers_at = bytes[cursor.at] === 0 ? -1 : cursor.at;
    records.push(
      new LazyRecord(
        bytes,
        context,
        offset,
        appended_at ?? timestamp,
        key_at,
        key_length,
        value_at,
        value_length,
        headers_at,
      ),
    );
    cursor.at = end;
  }
  return records;
}

/** What kafkajs makes a batch for a consumer of. */
interface PartitionData {
  messages: LazyRecord[];
  abortedTransactions?: unknown[];
}

/** kafkajs' own batch, made without a comparison of 64-bit objects for each record. */
export class Batch extends (OriginalBatch as unknown as new (...parts: unknown[]) => {
  rawMessages: LazyRecord[];
  messagesWithinOffset: LazyRecord[];
  messages: LazyRecord[];
}) {
  constructor(topic: string, fetched_offset: string | number, data: PartitionData) {
    super(topic, fetched_offset, { ...data, messages: [] });
    const { messages, abortedTransactions } = data;
    this.rawMessages = messages;
    this.messagesWithinOffset = fromOffset(messages, Number(fetched_offset));
    this.messages = filterAbortedMessages({
      messages: this.messagesWithinOffset,
      abortedTransactions,
    });
    if (this.messages.some(({ batchContext }) => batchContext.isControlBatch)) {
      this.messages = this.messages.filter(({ isControlRecord }) => !isControlRecord);
    }
  }
}

/** A fetch brings whole batches, which may begin before the offset that was asked for. */
function fromOffset(messages: LazyRecord[], offset: number): LazyRecord[] {
  const first = messages.findIndex((message) => Number(message.offset) >= offset);
  if (first === 0) return messages;
  return first < 0 ? [] : messages.slice(first);
}

replaceExports(
  "protocol/recordBatch/v0/decoder.js",
  "protocol/requests/fetch/v4/decodeMessages.js",
  decodeBatch,
);
replaceExports("consumer/batch.js", "consumer/consumerGroup.js", Batch);
