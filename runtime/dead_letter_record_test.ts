import { Buffer } from "node:buffer";
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import type { KafkaMessage } from "kafkajs";
import { deadLetter } from "./dead_letter_record.ts";
import { cutSends } from "./send_sizes.ts";
import { readDeadLetter } from "./dead_letters.ts";
import type { OutgoingRecord } from "./kafka_sender.ts";

const PLACE = { stage: "sink", dead_letter_topic: "letters", topic: "ticks", partition: 1 };
const FAULT = { reason: "price_invalid", message: "price is wrong" } as const;

function record(value: Uint8Array | null, timestamp = "1700000000000"): KafkaMessage {
  return {
    key: Buffer.from("A"),
    value: value === null ? null : Buffer.from(value),
    offset: "41",
    timestamp,
    attributes: 0,
    headers: { own: [Buffer.from("first"), Buffer.from("second")], traceparent: "00-1" },
  };
}

function letterOf(refused: KafkaMessage) {
  const letter = deadLetter(PLACE, { record: refused, fault: FAULT });
  return { letter, read: readDeadLetter({ ...refused, ...messageOf(letter) }) };
}

function messageOf(letter: OutgoingRecord) {
  return {
    key: letter.key as Uint8Array,
    value: letter.value as Uint8Array,
    timestamp: String(letter.timestamp_ms),
    headers: letter.headers as { [name: string]: string },
  };
}

Deno.test("a letter keeps the record's bytes, time and headers, and says why and where", () => {
  const value = Buffer.from([0xff, 0, 1]);
  const { letter, read } = letterOf(record(value));
  deepStrictEqual(letter.value, value);
  strictEqual(letter.timestamp_ms, 1_700_000_000_000);
  deepStrictEqual(letter.headers?.own, Buffer.from("first"));
  deepStrictEqual(
    { stage: read.stage, reason: read.reason, message: read.message, origin: read.origin },
    {
      stage: "sink",
      reason: "price_invalid",
      message: "price is wrong",
      origin: { topic: "ticks", partition: 1, offset: "41" },
    },
  );
});

Deno.test("a value too large for the topic keeps its head, length and hash", () => {
  const value = new Uint8Array(2_000_000).fill(65);
  const { letter, read } = letterOf(record(value));
  strictEqual((letter.value as Uint8Array).length, 16_384);
  strictEqual(read.cut_from_bytes, 2_000_000);
  strictEqual(
    letter.headers?.["tapeline-value-sha256"],
    createHash("sha256").update(value).digest("hex"),
  );
});

Deno.test("a timestamp that the dead-letter topic would refuse is brought to now", () => {
  const before = Date.now();
  const { letter } = letterOf(record(null, "9223372036854775807"));
  strictEqual(letter.timestamp_ms >= before && letter.timestamp_ms <= Date.now(), true);
  strictEqual(letterOf(record(null, "-1")).letter.timestamp_ms, 0);
});

Deno.test("sends stay below the broker's limit, keep the order, and a large letter goes alone", () => {
  const sizes = [10, 400_000, 400_000, 400_000, 1_000_000, 10];
  const letters = sizes.map((size) =>
    deadLetter(PLACE, { record: record(Buffer.alloc(size)), fault: FAULT })
  );
  const sends = cutSends(letters);
  deepStrictEqual(sends.flat(), letters);
  deepStrictEqual(sends.map((send) => send.length), [3, 1, 1, 1]);
  deepStrictEqual(cutSends([]), []);
});
