import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Load } from "./load.ts";
import { createLoadQueue } from "./load_queue.ts";

function ticks(count: number): Load {
  return {
    kind: "ticks",
    ticks: Array.from({ length: count }, (_, at) => ({
      symbol: "A",
      price: 1,
      volume: 1,
      timestamp: at,
      source: "test",
    })),
  };
}

const never = new AbortController().signal;

Deno.test("a queue takes what it has room for, and no more", () => {
  const queue = createLoadQueue(10);
  strictEqual(queue.offer(ticks(6)), true);
  strictEqual(queue.offer(ticks(5)), false);
  strictEqual(queue.offer(ticks(4)), true);
  strictEqual(queue.depth(), 10);
});

Deno.test("a load larger than the queue goes in when it is empty", async () => {
  const queue = createLoadQueue(10);
  strictEqual(queue.offer(ticks(50)), true);
  const second = queue.put(ticks(50), never);
  queue.takeTicks(50);
  queue.remove();
  strictEqual(await second, true);
});

Deno.test("whoever waits goes in order", async () => {
  const queue = createLoadQueue(12);
  queue.offer(ticks(10));
  const order: string[] = [];
  const first = queue.put(ticks(7), never).then(() => order.push("first"));
  const second = queue.put(ticks(2), never).then(() => order.push("second"));
  queue.takeTicks(10);
  queue.remove();
  await Promise.all([first, second]);
  deepStrictEqual(order, ["first", "second"]);
  strictEqual(queue.depth(), 9);
});

Deno.test("a replay as fast as it can leaves room to a feed that can't wait", async () => {
  const queue = createLoadQueue(100);
  let waiting = queue.put(ticks(10), never);
  let puts = 0;
  for (let offers = 0; offers < 50; offers++) {
    // The replay puts whatever there is room for, and always waits for more.
    while (await Promise.race([waiting, Promise.resolve(false)])) {
      puts++;
      waiting = queue.put(ticks(10), never);
    }
    strictEqual(queue.offer(ticks(5)), true, `offer ${offers}`);
    for (let taken = 0; taken < 5; taken++) queue.remove();
  }
  ok(puts > 50, `the replay comes to its turn too: ${puts} loads`);
});

Deno.test("a stop ends the wait, and the load is not queued", async () => {
  const queue = createLoadQueue(1);
  queue.offer(ticks(1));
  const stopping = new AbortController();
  const waiting = queue.put(ticks(1), stopping.signal);
  stopping.abort();
  strictEqual(await waiting, false);
  queue.remove();
  strictEqual(queue.depth(), 0);
  strictEqual(await queue.put(ticks(1), stopping.signal), false);
});

Deno.test("a refused input weighs by its bytes", () => {
  const queue = createLoadQueue(100);
  const fault = { reason: "not_json", message: "" } as const;
  const input = { source: "s", line: 1, bytes: new Uint8Array(25_600), fault };
  strictEqual(queue.offer({ kind: "refused", inputs: [input] }), true);
  strictEqual(queue.offer(ticks(1)), false);
  queue.remove();
  strictEqual(queue.depth(), 0);
});

Deno.test("it says for a second that it turns loads away", () => {
  let now_ms = 0;
  const queue = createLoadQueue(1, () => now_ms);
  queue.offer(ticks(1));
  strictEqual(queue.isTurningAway(), false);
  queue.offer(ticks(1));
  strictEqual(queue.isTurningAway(), true);
  now_ms = 1_000;
  strictEqual(queue.isTurningAway(), false);
});

Deno.test("first in, first out, over thousands of loads", () => {
  const queue = createLoadQueue(1_000_000);
  const order: number[] = [];
  for (let at = 0; at < 5_000; at++) {
    queue.offer({ kind: "marker", source: "s", event_time: at, ended: false });
    if (at % 2 === 1) continue;
    const { load } = queue.peek()!;
    if (load.kind === "marker") order.push(load.event_time!);
    queue.remove();
  }
  deepStrictEqual(order, [...Array(2_500).keys()]);
  strictEqual(queue.depth(), 2_500);
});
