/** Waits until nothing is left to do, or nothing moves any more. */
import { sleep, withDeadline } from "../../runtime/backoff.ts";
import { StartFault } from "./start_fault.ts";

const LOOK_INTERVAL_MS = 100;
const LOOK_DEADLINE_MS = 10_000;
/** A stack that stores nothing for so long while something waits does not drain. */
export const NO_PROGRESS_DEADLINE_MS = 60_000;

/**
 * Looks again and again. A look that fails is no end of it: a server that died is started again.
 *
 * @param look Says what waits, in words; empty if nothing does.
 * @param stopping Ends the wait.
 * @param no_progress_deadline_ms How long nothing may change.
 * @throws StartFault that names what waited, or what kept it from being seen, for so long.
 */
export async function drain(
  look: () => Promise<string[]>,
  stopping: AbortSignal,
  no_progress_deadline_ms = NO_PROGRESS_DEADLINE_MS,
): Promise<void> {
  let last = "";
  let moved_at_ms = performance.now();
  while (!stopping.aborted) {
    const texts = await withDeadline(look(), LOOK_DEADLINE_MS, "Looking at what waits")
      .catch((error) => [`it can't be told: ${(error as Error).message}`]);
    if (texts.length === 0) return;
    const now = texts.join("\n  ");
    if (now !== last) [last, moved_at_ms] = [now, performance.now()];
    if (performance.now() - moved_at_ms > no_progress_deadline_ms) {
      throw new StartFault(
        `The source has ended and the stack does not drain: for ` +
          `${no_progress_deadline_ms / 1000} s these have waited:\n  ${now}\nSee the logs of ` +
          "the services",
      );
    }
    await sleep(LOOK_INTERVAL_MS, stopping);
  }
}
