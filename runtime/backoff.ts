/** Waiting between attempts: exponential, capped, with jitter. */

/** How long to wait between attempts, in milliseconds. */
export interface Backoff {
  initial_ms: number;
  max_ms: number;
}

/**
 * The wait before an attempt: a random share of min(max, initial · 2^attempt), half of it at least
 * (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015: "equal jitter").
 *
 * @param backoff First and longest wait.
 * @param attempt 0 for the first wait.
 * @param random A number from 0 to 1: given by tests.
 * @returns Milliseconds.
 */
export function backoffDelay(backoff: Backoff, attempt: number, random = Math.random()): number {
  const ceiling = Math.min(backoff.max_ms, backoff.initial_ms * 2 ** Math.min(attempt, 30));
  return ceiling * (0.5 + random / 2);
}

/**
 * Waits; ends early, and without an error, when the signal is aborted.
 *
 * @param duration_ms How long.
 * @param signal Ends the wait.
 */
export function sleep(duration_ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, duration_ms);
    signal?.addEventListener("abort", finish, { once: true });
  });
}

/**
 * Waits for some work, or until a signal is aborted: the work then goes on for nobody.
 *
 * @returns Whether the work has ended.
 * @throws What the work threw before that.
 */
export async function finishedBefore(signal: AbortSignal, work: Promise<void>): Promise<boolean> {
  if (signal.aborted) return false;
  let onAbort = (): void => {};
  const aborted = new Promise<false>((resolve) => {
    onAbort = () => resolve(false);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work.then(() => true), aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * Gives a promise a deadline. The work itself is not stopped: whoever calls makes its result void.
 *
 * @param work What is waited for.
 * @param deadline_ms How long.
 * @param doing Says what was being done, for the error.
 * @throws Error when the deadline has passed.
 */
export async function withDeadline<Value>(
  work: Promise<Value>,
  deadline_ms: number,
  doing: string,
): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${doing} has not finished within ${deadline_ms} ms`)),
      deadline_ms,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
