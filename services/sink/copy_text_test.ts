import { strictEqual } from "node:assert/strict";
import { COPY_NULL, copyNumber, copyString, createTimeWriter } from "./copy_text.ts";

Deno.test("what COPY's text format gives a meaning is escaped", () => {
  strictEqual(copyString("a\tb\nc\rd\\e"), "a\\tb\\nc\\rd\\\\e");
  strictEqual(copyString("\\."), "\\\\.");
  strictEqual(copyString("\\N"), "\\\\N");
  strictEqual(copyString(`quotes ' and "`), `quotes ' and "`);
  strictEqual(copyString(""), "");
});

Deno.test("a missing number is null, not text", () => {
  strictEqual(copyNumber(null), COPY_NULL);
  strictEqual(copyNumber(1e-7), "1e-7");
});

Deno.test("times are whole milliseconds in UTC, before 1970 too, in any order", () => {
  const time = createTimeWriter();
  for (
    const timestamp_ms of [
      0,
      1,
      999,
      1_000,
      -1,
      -1_000,
      -999,
      1_700_000_000_007,
      0,
      253402300799999,
    ]
  ) {
    strictEqual(time(timestamp_ms), new Date(timestamp_ms).toISOString());
  }
});
