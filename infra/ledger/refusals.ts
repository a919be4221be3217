/** The dead letters as the ledger needs them: which offsets each stage has refused. Pure. */
import { minuteOf } from "../../contract/records.ts";
import { readDeadLetter } from "../../runtime/dead_letters.ts";
import type { KafkaRecord } from "../../runtime/kafka_record.ts";
import { TICK_STAGES, type TickStage } from "./tick_count.ts";

/** What the dead-letter topic says about a tick topic. */
export interface Refusals {
  tick_topic: string;
  /** By stage and partition: offsets, each once however often its letter was written. */
  offsets: { [stage in TickStage]: Map<number, Set<number>> };
  /** Refused at a door, by reason: these never were in the tick topic. */
  at_doors: Map<string, number>;
  /** Letters of minutes up to this one may have been trimmed; -Infinity where none was. */
  trimmed_to: number;
  held: number;
}

/** Offsets held at most: about 40 bytes each. */
const OFFSETS_MAX = 2_000_000;

/**
 * Starts a collection.
 *
 * @param tick_topic Letters about other topics are of no concern here.
 * @param earliest The dead-letter topic's first offset: above 0, some letters were trimmed.
 */
export function startRefusals(tick_topic: string, earliest: bigint): Refusals {
  return {
    tick_topic,
    offsets: { aggregator: new Map(), sink: new Map() },
    at_doors: new Map(),
    trimmed_to: earliest > 0n ? Infinity : -Infinity,
    held: 0,
  };
}

/**
 * Takes the next dead letter.
 *
 * @throws Error when there are more than can be held.
 */
export function addRefusal(refusals: Refusals, record: KafkaRecord): void {
  const { stage, reason, origin, timestamp_ms } = readDeadLetter(record);
  if (refusals.trimmed_to === Infinity) refusals.trimmed_to = minuteOf(timestamp_ms);
  if (origin === null) return;
  if ("source" in origin) {
    refusals.at_doors.set(reason, (refusals.at_doors.get(reason) ?? 0) + 1);
    return;
  }
  const tick_stage = TICK_STAGES.find((candidate) => candidate === stage);
  if (tick_stage === undefined || origin.topic !== refusals.tick_topic) return;
  const offsets = refusedOffsets(refusals, tick_stage, origin.partition);
  offsets.add(Number(origin.offset));
  if (++refusals.held > OFFSETS_MAX) {
    throw new Error(
      `Cannot hold the dead letters: there are over ${OFFSETS_MAX}. ` +
        "Mend their cause (`deno task dead-letters list`), and audit when they have expired",
    );
  }
}

/** The offsets that a stage has refused in a partition. */
export function refusedOffsets(
  refusals: Refusals,
  stage: TickStage,
  partition: number,
): Set<number> {
  let offsets = refusals.offsets[stage].get(partition);
  if (!offsets) refusals.offsets[stage].set(partition, offsets = new Set());
  return offsets;
}
