import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { keepRecentLines } from "./recent_lines.ts";

Deno.test("the newest lines are kept, oldest first", () => {
  const recent = keepRecentLines();
  for (let at = 0; at < 600; at++) recent.add(`line ${at}`);
  const lines = recent.lines(null);
  strictEqual(lines.length, 500);
  deepStrictEqual([lines[0], lines.at(-1)], ["line 100", "line 599"]);
  deepStrictEqual(recent.lines("line 59"), [
    ...Array.from({ length: 10 }, (_, at) => `line 59${at}`),
  ]);
});

Deno.test("long lines take the place of many, and the newest is there whatever its length", () => {
  const recent = keepRecentLines();
  recent.add("short");
  recent.add("x".repeat(900_000));
  recent.add("y".repeat(200_000));
  deepStrictEqual(recent.lines(null).map((line) => line[0]), ["y"]);
  recent.add("z".repeat(2_000_000));
  deepStrictEqual(recent.lines(null).map((line) => line[0]), ["z"]);
});
