import assert from "node:assert/strict";
import { drain } from "./drain.ts";
import { StartFault } from "./start_fault.ts";

const { signal: never } = new AbortController();

Deno.test("a look that fails is followed by another, and the wait ends when nothing waits", async () => {
  const answers: (string[] | Error)[] = [["a tick"], new Error("ECONNREFUSED"), []];
  await drain(async () => {
    const answer = answers.shift()!;
    if (answer instanceof Error) throw answer;
    return await Promise.resolve(answer);
  }, never);
  assert.deepEqual(answers, []);
});

Deno.test("what does not move is a fault that names it, and so is a look that always fails", async () => {
  const looks = [
    () => Promise.resolve(["ticks for the sink"]),
    () => Promise.reject(new Error("ticks for the sink")),
  ];
  for (const look of looks) {
    await assert.rejects(
      drain(look, never, 1),
      (error) =>
        error instanceof StartFault && /does not drain[^]*for the sink/.test(error.message),
    );
  }
});

Deno.test("a wait for the drain ends when the stack is to stop", async () => {
  const stopping = new AbortController();
  const drained = drain(() => Promise.resolve(["a tick"]), stopping.signal);
  stopping.abort();
  await drained;
});
