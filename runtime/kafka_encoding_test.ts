import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import fc from "fast-check";

const require = createRequire(import.meta.url);
const RECORD = "kafkajs/src/protocol/recordBatch/record/v0/index.js";
type Encode = (record: EncodableRecord) => { buffer: Buffer };
// kafkajs' own, taken before ours is put in its place.
const encodeOriginally = require(RECORD) as Encode;
const { encodeRecord, groupByPartition } = await import("./kafka_encoding.ts");
import type { EncodableRecord } from "./kafka_encoding.ts";

const content = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.constant(null),
);

Deno.test("a record is encoded byte for byte as kafkajs does", () => {
  fc.assert(
    fc.property(
      fc.record({
        offsetDelta: fc.nat({ max: 200_000 }),
        timestampDelta: fc.oneof(fc.nat(), fc.constant(2 ** 40)),
        key: content,
        value: content,
        headers: fc.oneof(fc.constant({}), fc.constant({ name: "value" })),
      }),
      (record) => {
        const ours = (encodeRecord(record) as unknown as { buffer: Buffer }).buffer;
        ok(ours.equals(encodeOriginally(record).buffer));
      },
    ),
    { numRuns: 2_000 },
  );
});

Deno.test("messages keep their order within their partition", () => {
  const messages = Array.from({ length: 100 }, (_, value) => ({ value }));
  const groups = groupByPartition({
    topic: "t",
    partitionMetadata: [{}, {}, {}],
    messages,
    partitioner: ({ message }) => message.value % 3,
  });
  deepStrictEqual(
    Object.entries(groups),
    [0, 1, 2].map((partition) => [
      String(partition),
      messages.filter(({ value }) => value % 3 === partition),
    ]),
  );
  deepStrictEqual(
    groupByPartition({ topic: "t", partitionMetadata: [], messages, partitioner: () => 0 }),
    {},
  );
});

Deno.test("kafkajs uses it", () => {
  strictEqual(require(RECORD), encodeRecord);
  strictEqual(require("kafkajs/src/producer/groupMessagesPerPartition.js"), groupByPartition);
});
