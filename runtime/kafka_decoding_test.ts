import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import fc from "fast-check";

const require = createRequire(import.meta.url);
const DECODER = "kafkajs/src/protocol/recordBatch/v0/decoder.js";
const BATCH = "kafkajs/src/consumer/batch.js";
/** A decoder of kafkajs stands at a batch, and behind it afterwards. */
type Reading = { buffer: Buffer; offset: number };
type Decoded = { records: { [field: string]: unknown }[]; [field: string]: unknown };
// kafkajs' own, taken before ours are put in their place.
const decodeOriginally = require(DECODER) as (reading: Reading) => Promise<Decoded>;
const OriginalBatch = require(BATCH) as new (...parts: unknown[]) => BatchParts;
const Decoder = require("kafkajs/src/protocol/decoder.js") as new (bytes: Buffer) => Reading;
const { RecordBatch } = require("kafkajs/src/protocol/recordBatch/v0/index.js") as {
  RecordBatch: (batch: unknown) => Promise<{ buffer: Buffer }>;
};
const encodeRecord = require("kafkajs/src/protocol/recordBatch/record/v0/index.js") as (
  record: unknown,
) => unknown;
const { Batch, decodeBatch } = await import("./kafka_decoding.ts");

interface BatchParts {
  messages: { offset: string }[];
  messagesWithinOffset: { offset: string }[];
  rawMessages: { offset: string }[];
  lastOffset(): string;
  isEmptyDueToFiltering(): boolean;
}

const content = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.constant(null),
);
const batches = fc.record({
  compression: fc.constantFrom(0, 1),
  transactional: fc.boolean(),
  firstOffset: fc.oneof(fc.nat(), fc.constant(2 ** 40)),
  firstTimestamp: fc.constantFrom(0, 1_700_000_000_000),
  producerId: fc.constantFrom(-1, 7),
  records: fc.array(
    fc.record({
      timestampDelta: fc.oneof(fc.nat(), fc.constant(2 ** 40)),
      key: content,
      value: content,
      headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), fc.string(), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    }),
    { maxLength: 40 },
  ),
});

type Batches = typeof batches extends fc.Arbitrary<infer Made> ? Made : never;

async function encode(batch: Batches): Promise<Buffer> {
  const records = batch.records.map((record, offsetDelta) =>
    encodeRecord({ ...record, offsetDelta })
  );
  const last = { lastOffsetDelta: records.length - 1, maxTimestamp: batch.firstTimestamp };
  return (await RecordBatch({ ...batch, ...last, records })).buffer;
}

/** What anybody looks at. */
function told({ records, ...batch }: Decoded): unknown {
  return {
    batch,
    records: records.map(({ offset, timestamp, key, value, headers, isControlRecord }) => ({
      ...{ offset, timestamp, key, value, isControlRecord },
      headers: headers ?? {},
    })),
  };
}

Deno.test("a batch is decoded as kafkajs does", async () => {
  await fc.assert(
    fc.asyncProperty(batches, async (batch) => {
      const bytes = Buffer.concat([await encode(batch), Buffer.from("what follows")]);
      const [ours, theirs] = [new Decoder(bytes), new Decoder(bytes)];
      deepStrictEqual(
        told(await decodeBatch(ours) as unknown as Decoded),
        told(await decodeOriginally(theirs)),
      );
      strictEqual(ours.offset, theirs.offset);
    }),
    { numRuns: 500 },
  );
});

Deno.test("a batch that the fetch has cut is told as kafkajs does", async () => {
  const [batch] = fc.sample(batches, { numRuns: 1, seed: 1 });
  const bytes = await encode(batch!);
  for (const decode of [decodeBatch, decodeOriginally]) {
    await rejects(
      async () => await decode(new Decoder(bytes.subarray(0, bytes.length - 1))),
      { name: "KafkaJSPartialMessageError" },
    );
  }
});

Deno.test("a record with a header twice has both values", async () => {
  const headers = { name: ["one", "two"], other: "three" };
  const batch = { firstOffset: 0, records: [encodeRecord({ key: "k", value: "v", headers })] };
  const { records } = await decodeBatch(new Decoder((await RecordBatch(batch)).buffer));
  deepStrictEqual(records[0]!.headers, {
    name: [Buffer.from("one"), Buffer.from("two")],
    other: Buffer.from("three"),
  });
});

Deno.test("of the records those count that were asked for, were not aborted and are data", async () => {
  const part = fc.record({ batch: batches, aborted: fc.boolean(), is_control: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { maxLength: 5 }),
      fc.nat({ max: 100 }),
      async (parts, from) => {
        let offset = 0;
        const messages: unknown[] = [];
        const abortedTransactions: { firstOffset: string; producerId: string }[] = [];
        for (const { batch, aborted, is_control } of parts) {
          const bytes = await encode({ ...batch, firstOffset: offset });
          // kafkajs can't write a control batch: the bit of the attributes that makes one.
          if (is_control) bytes.writeInt16BE(bytes.readInt16BE(21) | 0x20, 21);
          const decoded = await decodeBatch(new Decoder(bytes));
          messages.push(...decoded.records);
          if (aborted) {
            abortedTransactions.push({
              firstOffset: String(offset),
              producerId: decoded.producerId,
            });
          }
          offset += batch.records.length;
        }
        const data = { partition: 0, highWatermark: String(offset), messages, abortedTransactions };
        const [ours, theirs] = [Batch, OriginalBatch].map((Kind) => {
          const made = new (Kind as typeof OriginalBatch)("t", String(from), data);
          const offsets = (found: { offset: string }[]) => found.map((each) => each.offset);
          return {
            messages: offsets(made.messages),
            within: offsets(made.messagesWithinOffset),
            raw: offsets(made.rawMessages),
            last: made.lastOffset(),
            filtered: made.isEmptyDueToFiltering(),
          };
        });
        deepStrictEqual(ours, theirs);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("kafkajs uses it", () => {
  strictEqual(require(DECODER), decodeBatch);
  strictEqual(require(BATCH), Batch);
});
