import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { deadLetterHeaders, type Origin } from "../../contract/dead_letter.ts";
import { addRefusal, refusedOffsets, startRefusals } from "./refusals.ts";

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
  const refusals = startRefusals("ticks", 0n);
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
  deepStrictEqual([...refusedOffsets(refusals, "aggregator", 1)], [5, 6]);
  deepStrictEqual([...refusedOffsets(refusals, "sink", 1)], [5]);
  deepStrictEqual([...refusedOffsets(refusals, "sink", 0)], []);
  deepStrictEqual([...refusals.at_doors], [["late", 1]]);
  strictEqual(refusals.trimmed_to, -Infinity);
});

Deno.test("a topic that was trimmed tells up to which minute letters may be gone", () => {
  const refusals = startRefusals("ticks", 3n);
  strictEqual(refusals.trimmed_to, Infinity);
  addRefusal(refusals, letter("sink", AT(0, "1"), 130_000));
  addRefusal(refusals, letter("sink", AT(0, "2"), 10_000_000));
  strictEqual(refusals.trimmed_to, 120_000);
});
