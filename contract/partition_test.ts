import { Buffer } from "node:buffer";
import { strictEqual } from "node:assert/strict";
import { Partitioners } from "kafkajs";
import fc from "fast-check";
import { partitionOf } from "./partition.ts";

Deno.test("partitions are those of Kafka's own clients", () => {
  const partitioner = Partitioners.DefaultPartitioner();
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", maxLength: 70 }),
      fc.integer({ min: 1, max: 64 }),
      (key, partitions) => {
        const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
          partitionId,
          leader: 0,
          partitionErrorCode: 0,
          replicas: [],
          isr: [],
        }));
        const expected = partitioner({
          topic: "t",
          partitionMetadata,
          message: { key: Buffer.from(key), value: null },
        });
        strictEqual(partitionOf(key, partitions), expected);
      },
    ),
    { numRuns: 2_000 },
  );
});
