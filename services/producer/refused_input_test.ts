import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { INPUT_BYTES_MAX, refusedRecord, refuseInput } from "./refused_input.ts";

const fault = { reason: "not_json", message: "it is none" } as const;

Deno.test("a refused input is kept as it came, with its place and its fault", () => {
  const bytes = new Uint8Array([0, 255, 10]);
  deepStrictEqual(refusedRecord("dead", refuseInput("http", 3, bytes, fault), 7), {
    topic: "dead",
    key: null,
    value: bytes,
    timestamp_ms: 7,
    headers: {
      "__connect.errors.stage": "producer",
      "__connect.errors.exception.class.name": "not_json",
      "__connect.errors.exception.message": "it is none",
      "tapeline-source": "http",
      "tapeline-line-number": "3",
    },
  });
});

Deno.test("one that is too large keeps head, length and hash", () => {
  const bytes = new Uint8Array(INPUT_BYTES_MAX + 1).map((_, at) => at);
  const { value, headers } = refusedRecord("dead", refuseInput("http", 3, bytes, fault), 7);
  deepStrictEqual(value, bytes.slice(0, 16_384));
  strictEqual(headers?.["tapeline-value-length"], String(bytes.length));
  strictEqual(
    headers?.["tapeline-value-sha256"],
    createHash("sha256").update(bytes).digest("hex"),
  );
  const whole = refusedRecord("dead", refuseInput("http", 3, bytes.subarray(1), fault), 7);
  deepStrictEqual(whole.value, bytes.subarray(1));
});
