import { ok, strictEqual } from "node:assert/strict";
import { TICK_RECORD_BYTES_MAX } from "../contract/topics.ts";
import { fetchBytes } from "./kafka_consumer.ts";

const MEGABYTE = 1_048_576;

Deno.test("the first partitions of a fetch leave room for the last", () => {
  for (let partitions = 1; partitions <= 60; partitions++) {
    const { maxBytes, maxBytesPerPartition } = fetchBytes({
      partitions,
      partition_bytes_max: 4 * MEGABYTE,
    });
    ok(maxBytesPerPartition * partitions <= maxBytes, `${partitions} partitions do not fit`);
    ok(maxBytesPerPartition >= TICK_RECORD_BYTES_MAX, "the largest batch does not fit");
  }
});

Deno.test("few partitions get all that one may have, and a fetch has its limit", () => {
  const partition_bytes_max = 4 * MEGABYTE;
  strictEqual(
    fetchBytes({ partitions: 3, partition_bytes_max }).maxBytesPerPartition,
    4 * MEGABYTE,
  );
  strictEqual(fetchBytes({ partitions: 1_000, partition_bytes_max }).maxBytes, 64 * MEGABYTE);
});
