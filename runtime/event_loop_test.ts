import { ok } from "node:assert/strict";
import { watchEventLoop } from "./event_loop.ts";

Deno.test("a blocked event loop is seen", async () => {
  const { promise: told, resolve } = Promise.withResolvers<number>();
  let calm = false;
  const end = watchEventLoop((delay_seconds) => {
    // The block is laid between two timers, so that the next one tells of all of it.
    if (calm) return resolve(delay_seconds);
    calm = true;
    const until_ms = performance.now() + 300;
    while (performance.now() < until_ms) { /* The loop is blocked, which is what is to be seen. */ }
  });
  const delay_seconds = await told;
  end();
  // The timer was due 100 ms into the block.
  ok(delay_seconds >= 0.19, `a block of 300 ms was told as ${delay_seconds} s`);
});
