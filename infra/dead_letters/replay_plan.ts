/** Decides whether a dead letter can be replayed, and as what. Pure. */
import { DEAD_LETTER_EXTRA_BYTES, DEAD_LETTER_HEADERS } from "../../contract/dead_letter.ts";
import {
  ONLY_STAGE_HEADER,
  RECORD_KIND_HEADER,
  REPLAY_LINE_HEADER,
  REPLAY_RUN_HEADER,
} from "../../contract/records.ts";
import {
  admitTick,
  decodeJson,
  decodeTick,
  farFutureFault,
  type Fault,
  type Tick,
} from "../../contract/tick.ts";
import { TICK_RECORD_BYTES_MAX } from "../../contract/topics.ts";
import type { DeadLetter } from "../../runtime/dead_letters.ts";
import { headerText } from "../../runtime/kafka_record.ts";
import { TICK_STAGES } from "../ledger/tick_book.ts";

/** On a replayed record: which dead letter it is. By it a letter is not replayed twice. */
export const REPLAY_OF_HEADER = "tapeline-replay-of";

/** A dead letter as it goes back into the tick topic. */
export interface PlannedReplay {
  tick: Tick;
  value: Uint8Array;
  headers: { [name: string]: string | Uint8Array };
}

/** What a plan needs to know. */
export interface PlanContext {
  tick_topic: string;
  dead_letter_topic: string;
  /** The corrected value, in place of the original bytes. */
  corrected: string | null;
  now_ms: number;
}

/** Larger values would not fit the tick topic with the headers that a replay adds. */
const VALUE_BYTES_MAX = TICK_RECORD_BYTES_MAX - DEAD_LETTER_EXTRA_BYTES;

/** Headers that said something about the record's first way, and would be untrue on its second. */
const NOT_CARRIED: readonly string[] = [
  ...Object.values(DEAD_LETTER_HEADERS),
  ONLY_STAGE_HEADER,
  REPLAY_OF_HEADER,
  REPLAY_RUN_HEADER,
  REPLAY_LINE_HEADER,
];

/**
 * What names a letter for ever: the place and the stage that refused it, since a stage may write
 * the same letter twice; or, for one from a door, its own place in the dead-letter topic.
 */
export function letterIdentity(letter: DeadLetter, dead_letter_topic: string): string {
  const { origin, stage, offset } = letter;
  return origin !== null && "topic" in origin
    ? `${stage}/${origin.topic}/${origin.partition}/${origin.offset}`
    : `${dead_letter_topic}/0/${offset}`;
}

/**
 * Plans the replay of a letter. A letter of a stage keeps its bytes and goes to that stage only; a
 * letter of a door is judged as the door would, and goes to all.
 *
 * @param letter The letter.
 * @param context What the plan needs to know.
 * @returns The record, or a sentence that says why there is none.
 */
export function planReplay(
  letter: DeadLetter,
  context: PlanContext,
): PlannedReplay | { refusal: string } {
  const { origin, stage } = letter;
  if (origin === null) return { refusal: "its headers do not say where it came from" };
  if (headerText(letter.headers, RECORD_KIND_HEADER) !== null) {
    return { refusal: "it is a marker: sources send newer ones" };
  }
  const corrected = context.corrected === null ? null : encoder.encode(context.corrected);
  if (corrected === null && letter.cut_from_bytes !== null) {
    return {
      refusal: `only the head of its ${letter.cut_from_bytes} bytes was kept: give it --value`,
    };
  }
  const given = corrected ?? letter.value;
  if (given !== null && given.length > VALUE_BYTES_MAX) {
    return { refusal: `its ${given.length} bytes are more than the tick topic takes` };
  }
  const headers = carriedHeaders(letter);
  headers[REPLAY_OF_HEADER] = letterIdentity(letter, context.dead_letter_topic);
  if ("source" in origin) {
    const decoded = decodeJson(given);
    const admitted = "fault" in decoded ? decoded : admitTick(origin.source, decoded.value);
    if ("fault" in admitted) return stillRefused(admitted.fault);
    const { tick } = admitted;
    const far_future = farFutureFault(tick.timestamp, context.now_ms);
    if (far_future) return stillRefused(far_future);
    return { tick, value: encoder.encode(JSON.stringify(tick)), headers };
  }
  if (origin.topic !== context.tick_topic) {
    return { refusal: `it came from topic ${origin.topic}, and only ticks are replayed` };
  }
  if (!TICK_STAGES.some((name) => name === stage)) {
    return { refusal: `no stage ${JSON.stringify(stage)} reads the tick topic` };
  }
  const decoded = decodeTick(given);
  if ("fault" in decoded) return stillRefused(decoded.fault);
  const { tick } = decoded;
  const far_future = stage === "aggregator" ? farFutureFault(tick.timestamp, context.now_ms) : null;
  if (far_future) return stillRefused(far_future);
  headers[ONLY_STAGE_HEADER] = stage;
  return { tick, value: given!, headers };
}

const encoder = new TextEncoder();

function stillRefused(fault: Fault): { refusal: string } {
  return { refusal: `it is still no tick (${fault.message}): give it --value` };
}

function carriedHeaders(letter: DeadLetter): PlannedReplay["headers"] {
  const carried: PlannedReplay["headers"] = {};
  for (const [name, value] of Object.entries(letter.headers)) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined && !NOT_CARRIED.includes(name)) carried[name] = first;
  }
  return carried;
}
