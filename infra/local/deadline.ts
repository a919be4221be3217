/** Deadlines that are an answer, not an error. */

/**
 * Whether a promise settles before the deadline; leaves no timer behind.
 *
 * @param promise What is waited for.
 * @param deadline_ms How long.
 * @throws What the promise rejects with, if it does so in time.
 */
export async function settlesWithin(
  promise: Promise<unknown>,
  deadline_ms: number,
): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), deadline_ms);
  });
  try {
    return await Promise.race([promise.then(() => true), deadline]);
  } finally {
    clearTimeout(timer);
  }
}
