import { Buffer } from "node:buffer";
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { bytesOf, type KafkaRecord, ownRecord } from "./kafka_record.ts";

Deno.test("a record of its own says the same, and shares no memory with what was fetched", () => {
  const fetched = Buffer.from("key value one two");
  const [key, value, one, two] = [[0, 3], [4, 9], [10, 13], [14, 17]].map(([from, to]) =>
    fetched.subarray(from, to)
  ) as [Buffer, Buffer, Buffer, Buffer];
  const record: KafkaRecord = {
    offset: "7",
    timestamp: "8",
    key,
    value,
    headers: { single: one, several: [one, two], text: "three" },
  };
  const own = ownRecord(record);
  deepStrictEqual(own, record);
  fetched.fill("x");
  strictEqual(String(own.key), "key");
  strictEqual(String(own.value), "value");
  strictEqual(String(own.headers!.single), "one");
  strictEqual(String(own.headers!.several), "one,two");
  // "key", "value", and each header's name as often as its value.
  strictEqual(bytesOf(own), 3 + 5 + (6 + 3) + (7 + 3) + (7 + 3) + (4 + 5));

  const empty: KafkaRecord = { offset: "7", timestamp: "8", key: null, value: null };
  deepStrictEqual(ownRecord(empty), empty);
  strictEqual(bytesOf(empty), 0);
});
