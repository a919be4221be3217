/** Ctrl-C, SIGTERM and a closed terminal: once for an ordered stop, twice for one at once. */

/**
 * A signal so soon after the first is the same one again: `deno task` passes Ctrl-C on, which the
 * terminal has sent to its whole group already.
 */
const SAME_SIGNAL_MS = 400;

/** How the person has asked for the end. */
export interface StopSignals extends Disposable {
  /** Aborted at the first signal. */
  stopping: AbortSignal;
}

/**
 * Listens for signals.
 *
 * @param onFirst Told of the first one.
 * @param onSecond Told of the second one and any more.
 */
export function listenForStop(
  onFirst: (signal: string) => void,
  onSecond: () => void,
): StopSignals {
  const controller = new AbortController();
  let first_at_ms = 0;
  const removers = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => {
    const listener = (): void => {
      if (controller.signal.aborted) {
        if (performance.now() - first_at_ms > SAME_SIGNAL_MS) onSecond();
        return;
      }
      first_at_ms = performance.now();
      onFirst(signal);
      controller.abort(new Error(`stopped by ${signal}`));
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return {
    stopping: controller.signal,
    [Symbol.dispose]: () => removers.forEach((remove) => remove()),
  };
}
