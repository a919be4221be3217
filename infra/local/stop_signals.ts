/** Ctrl-C, SIGTERM and a closed terminal: once for an ordered stop, twice for one at once. */

/** How the person has asked for the end. */
export interface StopSignals extends Disposable {
  /** Aborted at the first signal. */
  stopping: AbortSignal;
  /** Settles at the first signal. */
  asked: Promise<void>;
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
  const asked = Promise.withResolvers<void>();
  const removers = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => {
    const listener = (): void => {
      if (controller.signal.aborted) return onSecond();
      onFirst(signal);
      controller.abort(new Error(`stopped by ${signal}`));
      asked.resolve();
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return {
    stopping: controller.signal,
    asked: asked.promise,
    [Symbol.dispose]: () => removers.forEach((remove) => remove()),
  };
}
