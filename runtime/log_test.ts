import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createLogger, errorFields } from "./log.ts";

Deno.test("a line is one JSON object; what is below the level is not written", () => {
  const lines: string[] = [];
  const log = createLogger("sink", "warn", (line) => lines.push(line));
  log.info("quiet");
  log.warn("a\nb", { offset: 12n, reason: "late" });
  strictEqual(lines.length, 1);
  strictEqual(lines[0]!.includes("\n"), false);
  const { time: _time, ...rest } = JSON.parse(lines[0]!);
  deepStrictEqual(rest, {
    level: "warn",
    service: "sink",
    message: "a\nb",
    offset: "12",
    reason: "late",
  });
});

Deno.test("an error tells its message and its cause", () => {
  const fields = errorFields(new Error("outer", { cause: new TypeError("inner") }));
  strictEqual(fields.error, "outer");
  strictEqual(fields.cause, "inner");
});
