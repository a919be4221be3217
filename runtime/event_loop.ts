/**
 * How late the event loop is, by a timer of our own: node's `monitorEventLoopDelay` misses a block in
 * Deno.
 */

const PERIOD_MS = 100;

/**
 * Starts to watch.
 *
 * @param observe Told about ten times a second how much later than it was due a timer came, seconds.
 * @returns Ends it.
 */
export function watchEventLoop(observe: (delay_seconds: number) => void): () => void {
  let due_ms = performance.now() + PERIOD_MS;
  const timer = setInterval(() => {
    const now_ms = performance.now();
    observe(Math.max(0, now_ms - due_ms) / 1_000);
    due_ms = now_ms + PERIOD_MS;
  }, PERIOD_MS);
  return () => clearInterval(timer);
}
