import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { readTraceparent, traceparentText } from "./traceparent.ts";

// The example of W3C Trace Context, 3.2.4.
const TEXT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

Deno.test("a traceparent is read, and written again as it was", () => {
  const read = readTraceparent(TEXT)!;
  deepStrictEqual(read, {
    trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
    span_id: "00f067aa0ba902b7",
    sampled: true,
  });
  strictEqual(traceparentText(read), TEXT);
  strictEqual(readTraceparent(TEXT.replace(/01$/, "02"))!.sampled, false);
  strictEqual(readTraceparent(TEXT.replace(/^00/, "01") + "-more")!.sampled, true);
});

Deno.test("what is no traceparent is none", () => {
  const none = [
    "",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    TEXT + "-more",
    TEXT.toUpperCase(),
    TEXT.replace(/^00/, "ff"),
    TEXT.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0".repeat(32)),
    TEXT.replace("00f067aa0ba902b7", "0".repeat(16)),
  ];
  for (const text of none) strictEqual(readTraceparent(text), null, text);
});
