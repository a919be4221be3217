/** The candles in a topic, ours or a peer's, brought to one form and compared. */
import { openReader } from "../../runtime/kafka_reader.ts";
import { testKafka } from "../../services/sink/sink_test_data.ts";
import { RECORD_KIND_HEADER } from "../../contract/records.ts";

/** What is compared: every subject makes at least these. */
const FIELDS = [
  "open",
  "high",
  "low",
  "close",
  "volume",
  "vwap",
  "average_price",
  "trades",
] as const;
/** Sums of the same prices in another order of additions differ in the last digits. */
const RELATIVE_TOLERANCE = 1e-9;

type ComparedCandle = { [field in typeof FIELDS[number]]: number };

/** What a topic holds. */
export interface Candles {
  /** The newest candle of each symbol and one-minute window. */
  newest: Map<string, ComparedCandle>;
  /** How many candles were written, of all intervals, superseded ones too. */
  written: number;
  /** How many windows, of all intervals, are told of as not final: none of a peer's. */
  open: number;
}

/**
 * Reads a topic from its beginning to its end.
 *
 * @param bootstrap host:port of Kafka.
 * @param topic Ours or a peer's: JSON with `symbol`, `window_start` and the compared fields; ours has
 *   an `interval` too, of which `1m` counts, and records that are no candles.
 */
export async function readCandles(bootstrap: string, topic: string): Promise<Candles> {
  const reader = await openReader(testKafka(bootstrap));
  const newest: Candles["newest"] = new Map();
  let written = 0;
  const open = new Set<string>();
  const decoder = new TextDecoder();
  try {
    const partitions = await reader.partitions(topic);
    for (let partition = 0; partition < partitions; partition++) {
      let { earliest: offset, last_stable } = await reader.ends(topic, partition);
      while (offset < last_stable) {
        const { records, next_offset } = await reader.fetch(topic, partition, offset);
        for (const { value, headers } of records) {
          if (value === null || headers?.[RECORD_KIND_HEADER] !== undefined) continue;
          written++;
          const candle = JSON.parse(decoder.decode(value));
          const window = `${candle.symbol} ${candle.interval} ${candle.window_start}`;
          if (candle.final === false) open.add(window);
          else open.delete(window);
          if (candle.interval !== undefined && candle.interval !== "1m") continue;
          newest.set(`${candle.symbol} ${candle.window_start}`, candle);
        }
        offset = next_offset;
      }
    }
  } finally {
    await reader.close();
  }
  return { newest, written, open: open.size };
}

/** How many candles there are in either, and how many of them are not the same in both. */
export function compareCandles(
  ours: Candles,
  theirs: Candles,
): { candles: number; differing: number } {
  const keys = new Set([...ours.newest.keys(), ...theirs.newest.keys()]);
  let differing = 0;
  for (const key of keys) if (!isSame(ours.newest.get(key), theirs.newest.get(key))) differing++;
  return { candles: keys.size, differing };
}

/** The same for whom there is no other: the trades of all one-minute candles are all the ticks. */
export function compareTrades(
  { newest }: Candles,
  ticks: number,
): { candles: number; differing: number } {
  let trades = 0;
  for (const candle of newest.values()) trades += candle.trades;
  return { candles: newest.size, differing: trades === ticks ? 0 : newest.size };
}

function isSame(one: ComparedCandle | undefined, other: ComparedCandle | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return FIELDS.every((field) =>
    Math.abs(one[field] - other[field]) <= RELATIVE_TOLERANCE * Math.abs(one[field])
  );
}
