/** For tests: records in the tick topic that a stage refuses, with the reason of each stage. */
import { Buffer } from "node:buffer";
import { partitionOf } from "../../contract/partition.ts";
import { RECORD_KIND_HEADER } from "../../contract/records.ts";
import type { DiscardReason, Tick } from "../../contract/tick.ts";
import { TICK_RECORD_BYTES_MAX } from "../../contract/topics.ts";
import { BAD_INPUTS, badObject } from "../../services/producer/test_bad_inputs.ts";
import { PARTITIONS } from "../ledger/test_stack.ts";
import type { TickStage } from "../ledger/tick_book.ts";

/** Symbol of the good ticks. */
export const SYMBOL = "GOOD";
/** Their source. */
export const SOURCE = "door";
/** The partition that the symbol belongs to. */
export const HOME = partitionOf(SYMBOL, PARTITIONS);
/** Event time of the first good tick: all of them fall into one minute. */
const NOW = 1_700_000_000_000;
const NAMES = { symbol: "symbol", price: "price", volume: "volume", timestamp: "timestamp" };

/** A record that at least one stage refuses. */
export interface BadRecord {
  what: string;
  value: string | Uint8Array | null;
  /** Why each stage refuses it; null where the stage takes it, or passes it over as no tick. */
  reasons: { [stage in TickStage]: DiscardReason | null };
  /** Whether the sink must have stored it. */
  is_stored?: true;
  key?: null;
  partition?: number;
  headers?: { [name: string]: string };
}

/** The good tick of a number; price and volume tell them apart. */
export function goodTick(number: number): Tick {
  return {
    source: SOURCE,
    symbol: SYMBOL,
    price: 100 + (number * 7) % 31,
    volume: 1 + number,
    timestamp: NOW + number * 10,
  };
}

const both = (
  what: string,
  reason: DiscardReason,
  value: string | Uint8Array | null,
): BadRecord => ({ what, value, reasons: { aggregator: reason, sink: reason } });

/** An otherwise good tick with other fields. */
const tickWith = (fields: { [name: string]: unknown }): string =>
  JSON.stringify({ ...goodTick(0), ...fields });

/** The table that every door refuses, as records; only the aggregator compares times. */
function tableRecords(): BadRecord[] {
  return BAD_INPUTS.filter((bad) => bad.json ?? bad.body).map((bad) => {
    // Kafka's door sets no source, and the symbol must be one of the partition's own.
    const object = badObject({ ...bad, json: { symbol: `"${SYMBOL}"`, ...bad.json } }, NAMES);
    const value = bad.body ?? `{"source":"${SOURCE}",${object.slice(1)}`;
    return bad.reason === "far_future"
      ? takenBySink(bad.what, bad.reason, value)
      : both(bad.what, bad.reason, value);
  });
}

const takenBySink = (
  what: string,
  reason: DiscardReason,
  value: BadRecord["value"],
): BadRecord => ({
  what,
  value,
  reasons: { aggregator: reason, sink: null },
  is_stored: true,
});

/** What only this door can bring. */
const OF_KAFKA: readonly BadRecord[] = [
  both("a tombstone", "empty_value", null),
  both("an empty value", "empty_value", ""),
  both("null bytes", "not_json", new Uint8Array(64)),
  both("null bytes behind a tick", "not_json", `${tickWith({})}\0\0`),
  both("invalid UTF-8 in a name", "not_utf8", Buffer.from(tickWith({ symbol: "é" }), "latin1")),
  both("a byte order mark", "not_json", `\ufeff${tickWith({})}`),
  both("an array where an object belongs", "not_an_object", `[${tickWith({})}]`),
  both("a text", "not_an_object", '"GOOD"'),
  both("a number", "not_an_object", "7"),
  both("null", "not_an_object", "null"),
  both("prototype keys", "symbol_invalid", `{"__proto__":${tickWith({})}}`),
  both("a constructor's key", "symbol_invalid", `{"constructor":{"prototype":${tickWith({})}}}`),
  both("source: absent", "source_invalid", tickWith({ source: undefined })),
  both("source: the key separator", "source_invalid", tickWith({ source: "a|b" })),
  both("trade_id: a number", "trade_id_invalid", tickWith({ trade_id: 7 })),
  both("price_forming: a text", "price_forming_invalid", tickWith({ price_forming: "yes" })),
  { ...both("a null key", "price_invalid", tickWith({ price: 0 })), key: null },
  both(
    "larger than the topic's limit before compression",
    "symbol_invalid",
    tickWith({ symbol: "S".repeat(2 * TICK_RECORD_BYTES_MAX) }),
  ),
  {
    ...both("a marker that is none", "marker_malformed", "{"),
    reasons: { aggregator: "marker_malformed", sink: null },
    headers: { [RECORD_KIND_HEADER]: "marker" },
  },
  {
    ...takenBySink("the wrong partition for its key", "wrong_partition", tickWith({})),
    partition: (HOME + 1) % PARTITIONS,
  },
  takenBySink("late", "late", tickWith({ timestamp: NOW - 60_000 })),
];

/** All of them. */
export const BAD_RECORDS: readonly BadRecord[] = [...tableRecords(), ...OF_KAFKA];
