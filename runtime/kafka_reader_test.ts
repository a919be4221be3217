import { rejects, strictEqual } from "node:assert/strict";
import { untilLed } from "./kafka_reader.ts";

function answer(type: string): Error {
  return Object.assign(new Error(type), { type });
}

Deno.test("a partition that was just made is asked until it has a leader", async () => {
  const answers = ["NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE", "NOT_LEADER_FOR_PARTITION"];
  let looks = 0;
  const led = await untilLed(() => {
    const type = answers.shift();
    return type === undefined ? Promise.resolve("led") : Promise.reject(answer(type));
  }, () => {
    looks++;
    return Promise.resolve();
  });
  strictEqual(led, "led");
  strictEqual(looks, 3);
});

Deno.test("a partition that gets no leader is given up at the deadline", async () => {
  const ask = (): Promise<never> => Promise.reject(answer("LEADER_NOT_AVAILABLE"));
  await rejects(untilLed(ask, () => Promise.resolve(), 50), /LEADER_NOT_AVAILABLE/);
});

Deno.test("an offset that is not there is said at once", async () => {
  const ask = (): Promise<never> => Promise.reject(answer("OFFSET_OUT_OF_RANGE"));
  const look = (): Promise<void> => Promise.reject(new Error("there is nothing to look at"));
  await rejects(untilLed(ask, look), /OFFSET_OUT_OF_RANGE/);
});
