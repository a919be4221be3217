import { ok, rejects, strictEqual } from "node:assert/strict";
import { backoffDelay, finishedBefore, sleep, withDeadline } from "./backoff.ts";

Deno.test("waits grow to their cap, half of each at least", () => {
  const backoff = { initial_ms: 100, max_ms: 1_000 };
  strictEqual(backoffDelay(backoff, 0, 0), 50);
  strictEqual(backoffDelay(backoff, 0, 1), 100);
  strictEqual(backoffDelay(backoff, 2, 1), 400);
  strictEqual(backoffDelay(backoff, 500, 1), 1_000);
});

Deno.test("waits differ, so that those who failed together do not come back together", () => {
  const draws = Array.from({ length: 20 }, () => backoffDelay({ initial_ms: 8, max_ms: 32 }, 9));
  ok(new Set(draws).size > 1);
  ok(draws.every((draw) => draw >= 16 && draw <= 32));
});

Deno.test("a wait ends early when its signal is aborted", async () => {
  const stopping = new AbortController();
  const started_at = performance.now();
  const waited = sleep(60_000, stopping.signal);
  stopping.abort();
  await waited;
  await sleep(60_000, stopping.signal);
  ok(performance.now() - started_at < 10_000);
});

Deno.test("work is waited for until a signal is aborted", async () => {
  const stopping = new AbortController();
  strictEqual(await finishedBefore(stopping.signal, Promise.resolve()), true);
  await rejects(finishedBefore(stopping.signal, Promise.reject(new Error("away"))), /away/);
  const waited = finishedBefore(stopping.signal, new Promise(() => {}));
  stopping.abort();
  strictEqual(await waited, false);
  strictEqual(await finishedBefore(stopping.signal, Promise.resolve()), false);
});

Deno.test("a deadline says what was being done", async () => {
  await rejects(withDeadline(new Promise(() => {}), 5, "Waiting for Kafka"), {
    message: "Waiting for Kafka has not finished within 5 ms",
  });
  strictEqual(await withDeadline(Promise.resolve(7), 1_000, "x"), 7);
});
