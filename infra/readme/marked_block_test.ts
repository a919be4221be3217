import { strictEqual, throws } from "node:assert/strict";
import { withBlock } from "./marked_block.ts";

const MARKS = { start: "<begin>", end: "<end>" };

Deno.test("a block takes the place of the one before, and nothing else is moved", () => {
  const once = withBlock("a\n<begin>\nold\n<end>\nb\n", MARKS, "new");
  strictEqual(once, "a\n<begin>\n\nnew\n\n<end>\nb\n");
  strictEqual(withBlock(once, MARKS, "new"), once);
  throws(() => withBlock("<end> <begin>", MARKS, "new"), /must hold the marks <begin> and <end>/);
});
