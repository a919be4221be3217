/** Fault 7: letters as large as they may be, and larger. */
import { Buffer } from "node:buffer";
import type { Message } from "kafkajs";
import { DEAD_LETTER_HEAD_BYTES } from "../../../contract/dead_letter.ts";
import { decodeTick } from "../../../contract/tick.ts";
import { deadLetter, LETTER_BYTES_MAX } from "../../../runtime/dead_letter_record.ts";
import type { DeadLetter } from "../../../runtime/dead_letters.ts";
import type { OutgoingRecord } from "../../../runtime/kafka_sender.ts";
import { recordBytes } from "../../../runtime/send_sizes.ts";
import { TICK_STAGES, type TickStage } from "../../ledger/tick_book.ts";
import { type BadInput, letterName, lettersOf, openBadInput, type Place } from "../bad_input.ts";
import type { Platform } from "../platform.ts";
import type { Scenario, Scene } from "../scenario.ts";

type BadRecord = Pick<Message, "key" | "value" | "headers">;

const HEADER_BYTES = 200_000;
/** Times that a record is sent until its offset has as many digits as was reckoned with. */
const ATTEMPTS_MAX = 4;

function headersOf(count: number): { [name: string]: Buffer } {
  return Object.fromEntries(
    Array.from({ length: count }, (_, at) => [`large-${at}`, Buffer.alloc(HEADER_BYTES, 104)]),
  );
}

/** Records whose letters are large by what is not their value. */
const LARGE_ASIDE: readonly { record: BadRecord; is_cut: boolean }[] = [
  { record: { key: null, value: "{", headers: headersOf(5) }, is_cut: false },
  { record: { key: null, value: "{", headers: headersOf(7) }, is_cut: true },
  { record: { key: Buffer.alloc(2 * LETTER_BYTES_MAX, 107), value: "{" }, is_cut: true },
];

/** What a stage's letter of a place weighs beside its value. */
function bytesBesideValue({ config }: Platform, stage: TickStage, place: Place): number {
  const value = Buffer.alloc(100_000, 120);
  const decoded = decodeTick(value);
  if (!("fault" in decoded)) throw new Error("A run of x is a tick");
  const record = {
    offset: String(place.offset),
    timestamp: String(Date.now()),
    key: null,
    value,
    headers: {},
  };
  const { tick_topic: topic, dead_letter_topic } = config;
  const letter = deadLetter(
    { stage, dead_letter_topic, topic, partition: place.partition },
    { record, fault: decoded.fault },
  );
  return recordBytes(letter) - value.length;
}

/** Sends a record whose letter by this stage has so many bytes, kept whole. */
async function sendSized(
  platform: Platform,
  input: BadInput,
  stage: TickStage,
  partition: number,
  letter_bytes: number,
): Promise<Place> {
  const { connections: { reader }, config } = platform;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const offset = (await reader.ends(config.tick_topic, partition)).last_stable;
    const length = letter_bytes - bytesBesideValue(platform, stage, { partition, offset });
    const place = await input.send(partition, { key: null, value: Buffer.alloc(length, 120) });
    if (String(place.offset).length === String(offset).length) return place;
  }
  throw new Error(`The offsets of partition ${partition} grew by a digit ${ATTEMPTS_MAX} times`);
}

/** What a letter that was kept whole weighs. */
function bytesOf({ key, value, headers }: DeadLetter): number {
  const record = { topic: "", key, value, timestamp_ms: 0, headers };
  return recordBytes(record as OutgoingRecord);
}

function assertCut(name: string, letter: DeadLetter, is_cut: boolean): void {
  const { key, value, cut_from_bytes } = letter;
  if ((cut_from_bytes !== null) !== is_cut) {
    throw new Error(`The letter ${name} is cut: ${!is_cut}, and should be: ${is_cut}`);
  }
  const longest = Math.max(key?.length ?? 0, value?.length ?? 0);
  if (is_cut && longest > DEAD_LETTER_HEAD_BYTES) {
    throw new Error(`The letter ${name} is cut and has ${longest} bytes`);
  }
}

async function sendSizes({ platform, watch, chance }: Scene): Promise<number> {
  await using input = await openBadInput(platform);
  const { tick_partitions } = platform.config;
  const places: Place[] = [];
  const at_limit: string[] = [];
  const past_limit: string[] = [];
  for (const stage of TICK_STAGES) {
    for (
      const { beyond, names } of [{ beyond: 0, names: at_limit }, { beyond: 1, names: past_limit }]
    ) {
      const partition = chance.between(0, tick_partitions - 1);
      const bytes = LETTER_BYTES_MAX + beyond;
      const place = await sendSized(platform, input, stage, partition, bytes);
      places.push(place);
      names.push(letterName(stage, place));
    }
  }
  const aside: { place: Place; is_cut: boolean }[] = [];
  for (const { record, is_cut } of LARGE_ASIDE) {
    const place = await input.send(chance.between(0, tick_partitions - 1), record);
    aside.push({ place, is_cut });
    places.push(place);
  }
  await watch.caughtUp();
  const letters = await lettersOf(platform, TICK_STAGES, places);
  for (const name of at_limit) {
    const letter = letters.get(name)!;
    assertCut(name, letter, false);
    if (bytesOf(letter) !== LETTER_BYTES_MAX) {
      throw new Error(`The letter ${name} has ${bytesOf(letter)} bytes, not ${LETTER_BYTES_MAX}`);
    }
  }
  for (const name of past_limit) assertCut(name, letters.get(name)!, true);
  for (const stage of TICK_STAGES) {
    for (const { place, is_cut } of aside) {
      const name = letterName(stage, place);
      assertCut(name, letters.get(name)!, is_cut);
    }
  }
  return places.length;
}

export const SCENARIOS: readonly Scenario[] = [
  { name: "dead-letter-sizes", fault: 7, inject: sendSizes },
];
