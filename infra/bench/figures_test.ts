import { strictEqual } from "node:assert/strict";
import { median, sumOf } from "./figures.ts";

Deno.test("a median is the middle value, or the mean of both in the middle", () => {
  strictEqual(median([3, 1, 2]), 2);
  strictEqual(median([10, 1, 2, 3]), 2.5);
  strictEqual(sumOf([1, 2, 3]), 6);
});
