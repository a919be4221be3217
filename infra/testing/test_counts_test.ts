import { deepStrictEqual } from "node:assert/strict";
import { readCounts } from "./test_counts.ts";

Deno.test("counts are read from the closing line, steps included", () => {
  deepStrictEqual(readCounts("x\nok | 7 passed (4 steps) | 0 failed (17s)\n\n"), {
    passed: 11,
    failed: 0,
    skipped: 0,
  });
  deepStrictEqual(
    readCounts("FAILED | 5 passed (1 step) | 2 failed (3 steps) | 1 ignored (1 step) (8ms)"),
    { passed: 6, failed: 5, skipped: 2 },
  );
});

Deno.test("a run without a closing line has no counts", () => {
  deepStrictEqual(readCounts("error: Type checking failed.\n"), null);
});
