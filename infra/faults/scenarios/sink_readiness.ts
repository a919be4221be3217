/** What the sink says of itself while a fault lasts, and that it stores nothing then. */
import { eventually } from "../../testing/test_service.ts";
import type { Instance } from "../fleet.ts";
import type { Scene } from "../scenario.ts";

const READY_DEADLINE_MS = 30_000;

/** After this the watch has seen what was stored last. */
export const LOOK_MS = 500;

/** What the sink says of its readiness. */
export async function readiness(sink: Instance): Promise<{ ready: boolean; reasons: string[] }> {
  return await (await fetch(`${await sink.process().operationsUrl()}/ready`)).json();
}

/** Resolves when the sink is ready again. */
export async function isReady(sink: Instance): Promise<void> {
  await eventually(
    async () => (await readiness(sink)).ready,
    "the sink to be ready",
    READY_DEADLINE_MS,
  );
}

/**
 * Holds what is stored against what was stored before.
 *
 * @throws Error where there is more.
 */
export function assertNothingStored({ watch }: Scene, before: bigint): void {
  const stored = watch.stored() - before;
  if (stored > 0n) throw new Error(`${stored} ticks were stored all the same`);
}
