/**
 * Remembers for a moment which broker coordinates a group or a transaction. kafkajs asks anew before
 * four of the five requests of a transaction: with ten transactions a second in each of three
 * partitions that was more than a hundred requests a second.
 */
import Cluster from "kafkajs/src/cluster/index.js";

/** After a coordinator has moved, its old place is asked for so long; kafkajs tries again by itself. */
const KNOWN_FOR_MS = 1_000;
/** A client has a group and a transactional id; an admin may ask for the groups of a cluster. */
const KNOWN_MAX = 1_000;

/** What is asked. */
export interface Asked {
  groupId: string;
  /** kafkajs' number: of a group 0, of a transaction 1. */
  coordinatorType?: number;
}

/** Where kafkajs asks; each client has its own. */
export interface CoordinatorSource {
  findGroupCoordinatorMetadata(asked: Asked): Promise<unknown>;
}

/**
 * Makes every client of a class remember its coordinators. A failure is not remembered.
 *
 * @param source The class' prototype.
 * @param now Milliseconds of a clock that is never set back.
 */
export function rememberCoordinators(
  source: CoordinatorSource,
  now: () => number = () => performance.now(),
): void {
  const ask = source.findGroupCoordinatorMetadata;
  const known = new WeakMap<object, Map<string, { found: unknown; at_ms: number }>>();
  source.findGroupCoordinatorMetadata = async function (asked) {
    let coordinators = known.get(this);
    if (coordinators === undefined) known.set(this, coordinators = new Map());
    const key = `${asked.coordinatorType ?? 0}/${asked.groupId}`;
    const remembered = coordinators.get(key);
    if (remembered !== undefined && now() - remembered.at_ms < KNOWN_FOR_MS) {
      return remembered.found;
    }
    const found = await ask.call(this, asked);
    if (coordinators.size >= KNOWN_MAX) coordinators.clear();
    coordinators.set(key, { found, at_ms: now() });
    return found;
  };
}

rememberCoordinators((Cluster as unknown as { prototype: CoordinatorSource }).prototype);
