import { ok, strictEqual } from "node:assert/strict";
import { INPUT_BYTES_MAX } from "../refused_input.ts";
import { readRows } from "./replay_rows.ts";

Deno.test("how far the file is read never goes back, a line too long included", async () => {
  const path = await Deno.makeTempFile({ suffix: ".csv" });
  try {
    const row = "A,1700000000000,1,1\n";
    const long = "x".repeat(INPUT_BYTES_MAX + 1) + "\n";
    await Deno.writeTextFile(path, "symbol,timestamp,price,volume\n" + row + long + row);
    let position = 0;
    let refused = 0;
    for await (const block of readRows(path, "replay/x")) {
      ok(block.position > 0 && block.position >= position, `${block.position} after ${position}`);
      position = block.position;
      refused += block.malformed.length;
    }
    strictEqual(refused, 1);
    strictEqual(position, (await Deno.stat(path)).size);
  } finally {
    await Deno.remove(path);
  }
});
