/** The dead letters as the ledger needs them: which offsets each stage has refused. Pure. */
import { readDeadLetter } from "../../runtime/dead_letters.ts";
import type { KafkaRecord } from "../../runtime/kafka_record.ts";
import { TICK_STAGES, type TickStage } from "./tick_book.ts";
import { NO_PRINT, type Refused, valuePrint } from "./value_print.ts";

/** What the dead-letter topic says about a tick topic. */
export interface Refusals {
  tick_topic: string;
  /** By stage and partition: offsets, each once however often its letter was written. */
  offsets: { [stage in TickStage]: Map<number, Refused> };
  /** Refused at a door, by reason: these never were in the tick topic. */
  at_doors: Map<string, number>;
  held: number;
}

/** Offsets held at most: about 60 bytes each. */
const OFFSETS_MAX = 2_000_000;

/**
 * Starts a collection.
 *
 * @param tick_topic Letters about other topics are of no concern here.
 */
export function startRefusals(tick_topic: string): Refusals {
  return {
    tick_topic,
    offsets: { aggregator: new Map(), sink: new Map() },
    at_doors: new Map(),
    held: 0,
  };
}

/**
 * Takes the next dead letter.
 *
 * @throws Error when there are more than can be held.
 */
export function addRefusal(refusals: Refusals, record: KafkaRecord): void {
  const { stage, reason, origin, value, cut_from_bytes } = readDeadLetter(record);
  if (origin === null) return;
  if ("source" in origin) {
    refusals.at_doors.set(reason, (refusals.at_doors.get(reason) ?? 0) + 1);
    return;
  }
  const tick_stage = TICK_STAGES.find((candidate) => candidate === stage);
  if (tick_stage === undefined || origin.topic !== refusals.tick_topic) return;
  const offsets = refusedOffsets(refusals, tick_stage, origin.partition);
  const offset = Number(origin.offset);
  const print = valuePrint(value, cut_from_bytes ?? value?.length ?? 0);
  const known = offsets.get(offset);
  offsets.set(offset, known === undefined || known === print ? print : NO_PRINT);
  if (known === undefined && ++refusals.held > OFFSETS_MAX) {
    throw new Error(
      `Cannot hold the dead letters: there are over ${OFFSETS_MAX}. ` +
        "Mend their cause (`deno task dead-letters list`), and audit when they have expired",
    );
  }
}

/** The partitions that letters name, of the topic or not. */
export function refusedPartitions(refusals: Refusals): number[] {
  return TICK_STAGES.flatMap((stage) => [...refusals.offsets[stage].keys()]);
}

/** What a stage has refused in a partition. */
export function refusedOffsets(
  refusals: Refusals,
  stage: TickStage,
  partition: number,
): Refused {
  let offsets = refusals.offsets[stage].get(partition);
  if (!offsets) refusals.offsets[stage].set(partition, offsets = new Map());
  return offsets;
}
