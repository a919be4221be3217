import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  DEAD_LETTER_HEAD_BYTES,
  DEAD_LETTER_HEADERS,
  deadLetterHeaders,
  type Origin,
} from "../../contract/dead_letter.ts";
import { addRefusal, refusedOffsets, refusedPartitions, startRefusals } from "./refusals.ts";
import { NO_PRINT, valuePrint } from "./value_print.ts";

const AT = (partition: number, offset: string, topic = "ticks"): Origin => ({
  topic,
  partition,
  offset,
});

function letter(stage: string, origin: Origin, timestamp_ms = 90_000) {
  return {
    offset: "0",
    timestamp: String(timestamp_ms),
    key: null,
    value: Buffer.from("{}"),
    headers: deadLetterHeaders(stage, { reason: "late", message: "" }, origin),
  };
}

Deno.test("letters count once by place and stage, and those of other topics not at all", () => {
  const refusals = startRefusals("ticks");
  for (
    const record of [
      letter("aggregator", AT(1, "5")),
      letter("aggregator", AT(1, "5")),
      letter("aggregator", AT(1, "6")),
      letter("sink", AT(1, "5")),
      letter("sink", AT(0, "5", "candles")),
      letter("unknown", AT(0, "5")),
      letter("producer", { source: "http", line: 1 }),
      { ...letter("sink", AT(0, "9")), headers: {} },
    ]
  ) addRefusal(refusals, record);
  deepStrictEqual([...refusedOffsets(refusals, "aggregator", 1).keys()], [5, 6]);
  deepStrictEqual([...refusedOffsets(refusals, "sink", 1).keys()], [5]);
  deepStrictEqual([...refusedOffsets(refusals, "sink", 0)], []);
  deepStrictEqual([...refusals.at_doors], [["late", 1]]);
  deepStrictEqual(refusedPartitions(refusals).sort(), [0, 1, 1]);
  strictEqual(refusals.held, 3);
});

Deno.test("letters that do not agree on a record's value fit none", () => {
  const refusals = startRefusals("ticks");
  const first = letter("sink", AT(0, "1"));
  for (const record of [first, first, letter("sink", AT(0, "2"))]) addRefusal(refusals, record);
  addRefusal(refusals, { ...letter("sink", AT(0, "2")), value: Buffer.from("[]") });
  const print = valuePrint(Buffer.from("{}"), 2);
  deepStrictEqual([...refusedOffsets(refusals, "sink", 0)], [[1, print], [2, NO_PRINT]]);
});

Deno.test("of a value that was cut its head and its length are held against the record", () => {
  const whole = Buffer.alloc(DEAD_LETTER_HEAD_BYTES + 7, "a");
  const head = whole.subarray(0, DEAD_LETTER_HEAD_BYTES);
  const refusals = startRefusals("ticks");
  const cut = letter("sink", AT(0, "1"));
  cut.headers[DEAD_LETTER_HEADERS.value_length] = String(whole.length);
  addRefusal(refusals, { ...cut, value: head });
  const print = refusedOffsets(refusals, "sink", 0).get(1);
  strictEqual(print, valuePrint(whole, whole.length));
  notStrictEqual(print, valuePrint(head, head.length));
});
