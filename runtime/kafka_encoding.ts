/**
 * How records are grouped and encoded, in the place of kafkajs' own way: that copies a partition's
 * messages once for each of them, and allocates 512 bytes for each part of each record. Here a batch
 * of records is measured first and then written once, into one buffer. It is put in place of
 * kafkajs' own before anything of it has bound them, so this must be the first import of every file
 * that imports kafkajs.
 */
import { Buffer } from "node:buffer";
import { createCRC32 } from "hash-wasm";
import Encoder from "kafkajs/src/protocol/encoder.js";
import compression_codecs from "kafkajs/src/protocol/message/compression/index.js";
import "kafkajs/src/producer/groupMessagesPerPartition.js";
import "kafkajs/src/protocol/requests/produce/v3/request.js";
import { replaceExports } from "./kafkajs_replace.ts";

/** A record as kafkajs hands it over. */
export interface EncodableRecord {
  key?: string | Buffer | null;
  value: string | Buffer | null;
  /** Milliseconds since the epoch; now, where there is none. */
  timestamp?: string;
  headers?: { [name: string]: HeaderValue | HeaderValue[] } | undefined;
}

type HeaderValue = string | Buffer | null;

/** 64-bit integers as kafkajs has them: `long`'s. */
interface Long {
  toString(): string;
}

/** What a batch says of its producer. */
export interface BatchOrigin {
  /** None for a producer without transactions. */
  transactionalId?: string | null | undefined;
  producerId?: Long;
  producerEpoch?: number;
  firstSequence?: number;
  /** kafkajs' number of a compression. */
  compression?: number;
}

/** What kafkajs asks to be sent. */
export interface ProduceRequest extends Omit<BatchOrigin, "firstSequence"> {
  acks: number;
  timeout: number;
  topicData: {
    topic: string;
    partitions: { partition: number; firstSequence: number; messages: EncodableRecord[] }[];
  }[];
}

/** What kafkajs writes into. */
interface Writer {
  writeString(text: string | null): Writer;
  writeInt16(value: number): Writer;
  writeInt32(value: number): Writer;
  writeBuffer(bytes: Buffer): Writer;
}

interface Grouping<Message> {
  topic: string;
  partitionMetadata: unknown[];
  messages: readonly Message[];
  partitioner(options: { topic: string; partitionMetadata: unknown[]; message: Message }): number;
}

/**
 * Groups messages by partition. kafkajs copies a partition's messages once for each of them.
 *
 * @returns By partition, the messages in their order.
 */
export function groupByPartition<Message>(
  { topic, partitionMetadata, messages, partitioner }: Grouping<Message>,
): { [partition: string]: Message[] } {
  const groups: { [partition: string]: Message[] } = {};
  if (partitionMetadata.length === 0) return groups;
  for (const message of messages) {
    (groups[partitioner({ topic, partitionMetadata, message })] ??= []).push(message);
  }
  return groups;
}

function varintSize(value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let size = 1;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** Writes a zigzag varint (https://protobuf.dev/programming-guides/encoding/#varints); exact up to 2^52. */
function writeVarint(buffer: Buffer, at: number, value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) buffer[at++] = (rest % 0x80) | 0x80;
  buffer[at++] = rest;
  return at;
}

/** A part's length in bytes; -1 stands for null. */
function lengthOf(part: HeaderValue | undefined): number {
  return part === null || part === undefined ? -1 : Buffer.byteLength(part);
}

function partSize(length: number): number {
  return varintSize(length) + Math.max(0, length);
}

function writePart(
  buffer: Buffer,
  at: number,
  part: HeaderValue | undefined,
  length: number,
): number {
  const start = writeVarint(buffer, at, length);
  if (length <= 0) return start;
  if (typeof part === "string") buffer.write(part, start, length, "utf8");
  else part!.copy(buffer, start);
  return start + length;
}

/** Headers one by one: a name may have several values. */
function headerList({ headers }: EncodableRecord): [name: string, value: HeaderValue][] {
  if (headers === undefined) return [];
  return Object.entries(headers).flatMap(([name, value]) =>
    Array.isArray(value)
      ? value.map((each): [string, HeaderValue] => [name, each])
      : [[name, value] as [string, HeaderValue]]
  );
}

/** Bytes of a batch before its first record. */
const BATCH_HEADER_BYTES = 61;
/** Where in it its checksum begins, and what it covers. */
const CHECKSUM_AT = 17;
const CHECKED_FROM = 21;
/** Bytes of a batch that its own length does not count. */
const PREFIX_BYTES = 12;
const MAGIC = 2;
const TRANSACTIONAL = 16;
const NO_PRODUCER = -1n;

/** CRC-32C (RFC 3720, appendix B.4), whose reversed polynomial this is; three times kafkajs' own. */
const checksum = createCRC32(0x82f63b78);

/** Lengths of a record's parts, once measured: three numbers for each record. */
const MEASURES = 3;

/** The records of a batch, one behind the other. */
function encodeRecords(
  records: readonly EncodableRecord[],
  deltas: Float64Array,
  reserved: number,
): Buffer {
  const measures = new Int32Array(MEASURES * records.length);
  let total = reserved;
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!;
    const key_length = lengthOf(record.key);
    const value_length = lengthOf(record.value);
    const headers = headerList(record);
    let body = 1 + varintSize(deltas[index]!) + varintSize(index) + partSize(key_length) +
      partSize(value_length) + varintSize(headers.length);
    for (const [name, value] of headers) {
      body += partSize(lengthOf(name)) + partSize(lengthOf(value));
    }
    measures[MEASURES * index] = body;
    measures[MEASURES * index + 1] = key_length;
    measures[MEASURES * index + 2] = value_length;
    total += varintSize(body) + body;
  }
  const buffer = Buffer.allocUnsafe(total);
  let at = reserved;
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!;
    at = writeVarint(buffer, at, measures[MEASURES * index]!);
    // The attributes of a record are unused.
    buffer[at++] = 0;
    at = writeVarint(buffer, at, deltas[index]!);
    at = writeVarint(buffer, at, index);
    at = writePart(buffer, at, record.key, measures[MEASURES * index + 1]!);
    at = writePart(buffer, at, record.value, measures[MEASURES * index + 2]!);
    const headers = headerList(record);
    at = writeVarint(buffer, at, headers.length);
    for (const [name, value] of headers) {
      at = writePart(buffer, at, name, lengthOf(name));
      at = writePart(buffer, at, value, lengthOf(value));
    }
  }
  return buffer;
}

/**
 * Encodes a batch of records (Kafka's format v2, https://kafka.apache.org/documentation/#recordbatch),
 * byte for byte as kafkajs does where all timestamps have as many digits (it sorts them as texts).
 *
 * @param records At least one.
 * @param origin Who sends them.
 * @param now_ms The time of records that have none.
 */
export async function encodeBatch(
  records: readonly EncodableRecord[],
  origin: BatchOrigin,
  now_ms: number,
): Promise<Buffer> {
  const times = Float64Array.from(records, ({ timestamp }) => Number(timestamp ?? now_ms));
  let first_ms = Infinity;
  let last_ms = -Infinity;
  for (const time of times) {
    if (time < first_ms) first_ms = time;
    if (time > last_ms) last_ms = time;
  }
  const deltas = times.map((time) => time - first_ms);
  const compression = (origin.compression ?? 0) & compression_codecs.COMPRESSION_CODEC_MASK;
  let batch = encodeRecords(records, deltas, compression === 0 ? BATCH_HEADER_BYTES : 0);
  if (compression !== 0) {
    const codec = compression_codecs.lookupCodec(compression);
    const compressed: Buffer = await codec.compress({ buffer: batch });
    batch = Buffer.concat([Buffer.alloc(BATCH_HEADER_BYTES), compressed]);
  }
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - PREFIX_BYTES, 8);
  batch.writeInt32BE(0, 12);
  batch.writeInt8(MAGIC, 16);
  batch.writeInt16BE(compression | (origin.transactionalId ? TRANSACTIONAL : 0), 21);
  batch.writeInt32BE(records.length - 1, 23);
  batch.writeBigInt64BE(BigInt(first_ms), 27);
  batch.writeBigInt64BE(BigInt(last_ms), 35);
  batch.writeBigInt64BE(BigInt(origin.producerId?.toString() ?? NO_PRODUCER), 43);
  batch.writeInt16BE(origin.producerEpoch ?? 0, 51);
  batch.writeInt32BE(origin.firstSequence ?? 0, 53);
  batch.writeInt32BE(records.length, 57);
  const crc = (await checksum).init().update(batch.subarray(CHECKED_FROM));
  batch.set(crc.digest("binary"), CHECKSUM_AT);
  return batch;
}

/** Bytes of a request beside its texts and batches, for each topic and partition, at most. */
const PART_OVERHEAD_BYTES = 64;

/**
 * The request that sends records, as kafkajs' `protocol/requests/produce/v3/request.js` makes it; its
 * later versions are made of it.
 */
export function produceRequest(request: ProduceRequest) {
  const { acks, timeout, topicData, transactionalId = null } = request;
  return {
    apiKey: 0,
    apiVersion: 3,
    apiName: "Produce",
    expectResponse: () => acks !== 0,
    async encode(): Promise<unknown> {
      const now_ms = Date.now();
      const topics: { topic: string; batches: { partition: number; batch: Buffer }[] }[] = [];
      let bytes = PART_OVERHEAD_BYTES + (transactionalId?.length ?? 0);
      for (const { topic, partitions } of topicData) {
        const batches: { partition: number; batch: Buffer }[] = [];
        bytes += PART_OVERHEAD_BYTES + topic.length;
        for (const { partition, firstSequence, messages } of partitions) {
          const batch = await encodeBatch(messages, { ...request, firstSequence }, now_ms);
          bytes += PART_OVERHEAD_BYTES + batch.length;
          batches.push({ partition, batch });
        }
        topics.push({ topic, batches });
      }
      const encoder = new (Encoder as unknown as new (bytes: number) => Writer)(bytes)
        .writeString(transactionalId)
        .writeInt16(acks)
        .writeInt32(timeout)
        .writeInt32(topics.length);
      for (const { topic, batches } of topics) {
        encoder.writeString(topic).writeInt32(batches.length);
        for (const { partition, batch } of batches) {
          encoder.writeInt32(partition).writeInt32(batch.length).writeBuffer(batch);
        }
      }
      return encoder;
    },
  };
}

replaceExports(
  "producer/groupMessagesPerPartition.js",
  "producer/sendMessages.js",
  groupByPartition,
);
replaceExports(
  "protocol/requests/produce/v3/request.js",
  "protocol/requests/produce/v4/request.js",
  produceRequest,
);
