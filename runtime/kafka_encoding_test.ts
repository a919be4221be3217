import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import Long from "kafkajs/src/utils/long.js";
import fc from "fast-check";

const require = createRequire(import.meta.url);
const REQUEST = "kafkajs/src/protocol/requests/produce/v3/request.js";
type Request = (request: ProduceRequest) => {
  apiKey: number;
  apiVersion: number;
  apiName: string;
  expectResponse(): boolean;
  encode(): Promise<unknown>;
};
// kafkajs' own, taken before ours is put in its place.
const requestOriginally = require(REQUEST) as Request;
const { groupByPartition, produceRequest } = await import("./kafka_encoding.ts");
import type { ProduceRequest } from "./kafka_encoding.ts";

const content = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);
const header = fc.oneof(content, fc.array(content, { maxLength: 3 }));

const record = fc.record({
  key: fc.option(content),
  value: fc.option(content),
  // kafkajs sorts them as texts, so they have as many digits as today's.
  timestamp: fc.integer({ min: 1_000_000_000_000, max: 9_999_999_999_999 }).map(String),
  headers: fc.option(fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }), header), {
    nil: undefined,
  }),
}, { requiredKeys: ["value", "timestamp"] });

const request = fc.record({
  acks: fc.constantFrom(-1, 0, 1),
  timeout: fc.nat(),
  transactionalId: fc.option(fc.string({ minLength: 1, maxLength: 20 }), { nil: undefined }),
  producerId: fc.nat().map((id) => Long.fromValue(id)),
  producerEpoch: fc.nat({ max: 32_767 }),
  compression: fc.constantFrom(0, 1),
  topicData: fc.array(
    fc.record({
      topic: fc.string({ minLength: 1, maxLength: 20 }),
      partitions: fc.array(
        fc.record({
          partition: fc.nat({ max: 100 }),
          firstSequence: fc.nat(),
          messages: fc.array(record, { minLength: 1, maxLength: 200 }),
        }),
        { maxLength: 3 },
      ),
    }),
    { maxLength: 3 },
  ),
});

async function bytesOf(make: Request, asked: ProduceRequest): Promise<Buffer> {
  return (await make(asked).encode() as { buffer: Buffer }).buffer;
}

Deno.test("a request to send records is encoded byte for byte as kafkajs does", async () => {
  await fc.assert(
    fc.asyncProperty(request, async (asked) => {
      const [ours, theirs] = [
        await bytesOf(produceRequest, asked),
        await bytesOf(requestOriginally, asked),
      ];
      ok(ours.equals(theirs), `${ours.toString("hex")}\n${theirs.toString("hex")}`);
    }),
    { numRuns: 500 },
  );
});

Deno.test("a request is told by the same names, and knows whether it is answered", () => {
  for (const acks of [-1, 0]) {
    const asked = { acks, timeout: 1, topicData: [] };
    const { encode: _ours, expectResponse, ...told } = produceRequest(asked);
    const { encode: _theirs, expectResponse: expected, ...wanted } = requestOriginally(asked);
    deepStrictEqual(told, wanted);
    strictEqual(expectResponse(), expected());
  }
});

Deno.test("times of an hour and more apart, and of other lengths, are those of the records", async () => {
  const { decodeBatch } = await import("./kafka_decoding.ts");
  const { encodeBatch } = await import("./kafka_encoding.ts");
  const times = [1_700_000_000_000, 0, 999_999_999_999, 1_700_010_000_000];
  const batch = await encodeBatch(
    times.map((time) => ({ key: null, value: "v", timestamp: String(time) })),
    {},
    0,
  );
  const { records } = await decodeBatch({ buffer: batch, offset: 0 });
  deepStrictEqual(records.map(({ timestamp }) => Number(timestamp)), times);
  const timeless = await encodeBatch([{ value: null }], {}, 42);
  const { records: [now] } = await decodeBatch({ buffer: timeless, offset: 0 });
  deepStrictEqual([now!.timestamp, now!.key, now!.value], ["42", null, null]);
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
  strictEqual(require(REQUEST), produceRequest);
  strictEqual(require("kafkajs/src/producer/groupMessagesPerPartition.js"), groupByPartition);
});
