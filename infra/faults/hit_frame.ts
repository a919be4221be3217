/** Lets a fault fall on the next frame of a kind. */
import { withDeadline } from "../../runtime/backoff.ts";
import type { Frame, KafkaProxy } from "./kafka_proxy.ts";
import type { Fate } from "./messages.ts";

const HIT_DEADLINE_MS = 30_000;

/**
 * Resolves when the next frame of a kind has met its fate; all others pass, and all pass afterwards.
 *
 * @param frames The proxy.
 * @param is Whether it is such a frame.
 * @param decide What becomes of it; may wait, which holds it.
 * @throws Error when none comes by: the fault did not hit.
 */
export async function hitFrame(
  frames: KafkaProxy,
  is: (frame: Frame) => boolean,
  decide: (frame: Frame) => Fate | Promise<Fate>,
): Promise<void> {
  const decided = Promise.withResolvers<void>();
  let hit = false;
  frames.decideBy(async (frame) => {
    if (hit || !is(frame)) return "pass";
    hit = true;
    const fate = await decide(frame);
    decided.resolve();
    return fate;
  });
  try {
    await withDeadline(decided.promise, HIT_DEADLINE_MS, "Waiting for a frame to be hit");
  } finally {
    frames.decideBy(null);
  }
}

/**
 * Whether a frame belongs to an open transaction of the aggregator.
 *
 * @param api_key Its kind.
 * @param direction Request or reply.
 */
export function ofTransaction(
  api_key: number,
  direction: Frame["direction"],
): (frame: Frame) => boolean {
  return (frame) =>
    frame.client_id === "aggregator" && frame.in_transaction &&
    frame.api_key === api_key && frame.direction === direction;
}
