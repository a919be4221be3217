/** Lets a fault fall on the next moment of a transaction of the sink. */
import { withDeadline } from "../../runtime/backoff.ts";
import type { Fate } from "./messages.ts";
import type { Passing, StatementProxy } from "./statement_proxy.ts";

const HIT_DEADLINE_MS = 30_000;

/**
 * Resolves when a transaction of the sink that holds rows has come to a moment, and its fate begins;
 * all others pass, and all pass afterwards.
 *
 * @param statements The proxy.
 * @param moment Which moment.
 * @param decide What becomes of what passes then; may wait, which holds it.
 * @param connections Only connections of a lower number are looked at.
 * @throws Error when none comes by: the fault did not hit.
 */
export async function hitStatement(
  statements: StatementProxy,
  moment: Passing["moment"],
  decide: () => Fate | Promise<Fate>,
  connections = Infinity,
): Promise<void> {
  const hit = Promise.withResolvers<void>();
  statements.decideBy((passing) => {
    const { application_name, connection, has_copied } = passing;
    if (application_name !== "tapeline-sink" || !has_copied) return "pass";
    if (passing.moment !== moment || connection >= connections) return "pass";
    statements.decideBy(null);
    hit.resolve();
    return decide();
  });
  try {
    await withDeadline(hit.promise, HIT_DEADLINE_MS, `Waiting for ${moment} of the sink`);
  } finally {
    statements.decideBy(null);
  }
}
