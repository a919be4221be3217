/**
 * Input for simulations, drawn from a seed: ticks of several sources and symbols, late, shuffled,
 * repeated, by clocks that are ahead or behind, with markers and bad records between them.
 */
import { partitionOf } from "../../contract/partition.ts";
import { ONLY_STAGE_HEADER, RECORD_KIND_HEADER } from "../../contract/records.ts";
import type { DiscardReason, Tick } from "../../contract/tick.ts";
import type { Chance } from "../../infra/testing/chance.ts";
import type { KafkaRecord } from "../../runtime/kafka_record.ts";
import { START } from "./simulation.ts";

/** Partitions of the simulated topic; all that is simulated is in the first. */
export const PARTITIONS = 2;

/** What a record means. */
export type Meaning =
  | { kind: "tick"; tick: Tick }
  | { kind: "marker"; source: string; event_time: number | null; ended: boolean }
  /** Refused whatever came before it. */
  | { kind: "bad"; reason: DiscardReason }
  | { kind: "not_ours" };

/** A record, and what it means. */
export interface Drawn {
  record: KafkaRecord;
  ingest_ms: number;
  meaning: Meaning;
}

const candidates = Array.from({ length: 26 }, (_, at) => String.fromCharCode(65 + at));
const SYMBOLS = candidates.filter((symbol) => partitionOf(symbol, PARTITIONS) === 0).slice(0, 2);
const FOREIGN_SYMBOL = candidates.find((symbol) => partitionOf(symbol, PARTITIONS) !== 0)!;
/** How far a source's clock is ahead: the last is so far that many of its ticks are refused. */
const SKEWS_MS = [0, 0, -25_000, -3_600_000, 4_000, 59_500];

/** Bad whatever came before. */
const BAD: readonly { value: string | null; reason: DiscardReason; kind?: string }[] = [
  { value: null, reason: "empty_value" },
  { value: "{", reason: "not_json" },
  { value: "[]", reason: "not_an_object" },
  {
    value: '{"symbol":"A","price":0,"volume":1,"timestamp":1,"source":"s"}',
    reason: "price_invalid",
  },
  {
    value: JSON.stringify({
      ...{ symbol: FOREIGN_SYMBOL, price: 1, volume: 1, timestamp: START, source: "s" },
    }),
    reason: "wrong_partition",
  },
  { value: "{}", reason: "marker_malformed", kind: "marker" },
  { value: "{}", reason: "marker_malformed", kind: "unheard-of" },
];

const encoder = new TextEncoder();

/**
 * Draws records.
 *
 * @param chance Draws from the seed.
 * @param count How many.
 */
export function drawInput(chance: Chance, count: number): Drawn[] {
  const sources = Array.from(
    { length: chance.between(1, 2) },
    (_, at) => ({ name: `source-${at}`, skew_ms: chance.pick(SKEWS_MS) }),
  );
  /** What comes, by the time at which it comes. */
  const coming: Omit<Drawn, "record">[] = [];
  let now = START + chance.between(0, 300_000);
  while (coming.length < count) {
    now += chance.pick([0, chance.between(0, 300), chance.between(0, 20_000), 45_000]);
    // Several producers, whose clocks differ a little.
    const ingest_ms = now + chance.between(-1_000, 1_000);
    const { name: source, skew_ms } = sources[chance.between(0, 2) === 0 ? sources.length - 1 : 0]!;
    const draw = chance.between(0, 99);
    const delay_ms = chance.pick([0, 0, chance.between(0, 5_000), chance.between(0, 40_000)]);
    const event_time = now + skew_ms - delay_ms;
    if (draw < 76) {
      const tick: Tick = {
        source,
        // One is quiet for long: its windows stay as they are.
        symbol: SYMBOLS[chance.between(0, 5) === 0 ? 1 : 0]!,
        price: chance.between(1, 400) / 4,
        volume: chance.between(0, 50),
        timestamp: event_time,
        ...(chance.between(0, 4) === 0 ? { price_forming: false } : {}),
      };
      coming.push({ ingest_ms, meaning: { kind: "tick", tick } });
    } else if (draw < 82 && coming.length > 0) {
      coming.push({ ingest_ms, meaning: chance.pick(coming).meaning });
    } else if (draw < 92) {
      const ended = chance.between(0, 9) === 0;
      coming.push({ ingest_ms, meaning: { kind: "marker", source, event_time, ended } });
    } else if (draw < 94) coming.push({ ingest_ms, meaning: { kind: "not_ours" } });
    else {
      const { reason } = chance.pick(BAD);
      coming.push({ ingest_ms, meaning: { kind: "bad", reason } });
    }
  }
  for (let at = 1; at < coming.length; at++) {
    if (chance.between(0, 3) > 0) continue;
    const other = Math.max(0, at - chance.between(1, 5));
    [coming[at], coming[other]] = [coming[other]!, coming[at]!];
  }
  if (chance.between(0, 1) === 0) {
    for (const { name: source } of sources) {
      const meaning: Meaning = { kind: "marker", source, event_time: null, ended: true };
      coming.push({ ingest_ms: now, meaning });
    }
  }
  return coming.map((each, offset) => ({ ...each, record: recordOf(each, offset) }));
}

function recordOf({ ingest_ms, meaning }: Omit<Drawn, "record">, offset: number): KafkaRecord {
  const record = (value: unknown, headers?: { [name: string]: string }): KafkaRecord => ({
    offset: String(offset),
    timestamp: String(ingest_ms),
    key: null,
    value: typeof value === "string" ? encoder.encode(value) : null,
    ...(headers === undefined ? {} : { headers }),
  });
  switch (meaning.kind) {
    case "tick":
      return record(JSON.stringify(meaning.tick));
    case "marker": {
      const { source, event_time, ended } = meaning;
      const marker = { source, ...(event_time === null ? {} : { event_time }), ended };
      return record(JSON.stringify(marker), { [RECORD_KIND_HEADER]: "marker" });
    }
    case "bad": {
      const { value, kind } = BAD.find(({ reason }) => reason === meaning.reason)!;
      return record(value, kind === undefined ? undefined : { [RECORD_KIND_HEADER]: kind });
    }
    case "not_ours":
      return record("{", { [ONLY_STAGE_HEADER]: "sink" });
  }
}
