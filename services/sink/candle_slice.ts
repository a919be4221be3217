/** Records of the candle topic into rows of `candles`: of each candle only the newest. Pure. */
import type { KafkaMessage } from "kafkajs";
import { type Candle, candleKey, INTERVAL_MS } from "../../contract/candle.ts";
import {
  decodeJson,
  describe,
  type Fault,
  sourceFault,
  symbolFault,
  TIMESTAMP_MS_MAX,
  TIMESTAMP_MS_MIN,
} from "../../contract/tick.ts";
import type { RefusedRecord } from "../../runtime/kafka_record.ts";
import { createRowWriter } from "./copy_rows.ts";
import { copyNumber, copyString, createTimeWriter, type TimeWriter } from "./copy_text.ts";
import { isForSink, type Slice, type SlicePlace } from "./slice.ts";

/** Columns of `candles`, in the order in which `candleSlice` writes them. */
export const CANDLE_COLUMNS = "source, symbol, interval, window_start, open, high, low, close, " +
  "volume, vwap, average_price, sliding_average_price, trades, change_pct, final";

/**
 * Makes the rows of some records. Every record is judged; those that a newer one of the same candle
 * follows are not written.
 *
 * @param records Records of one partition, in order.
 * @param place Where they lie.
 */
export function candleSlice(records: readonly KafkaMessage[], place: SlicePlace): Slice {
  const newest = new Map<string, { candle: Candle; record: KafkaMessage }>();
  const refused: RefusedRecord[] = [];
  let replaced = 0;
  for (const record of records) {
    if (!isForSink(record)) continue;
    const decoded = decodeJson(record.value);
    const fault = "fault" in decoded ? decoded.fault : candleFault(decoded.value);
    if (fault !== null) {
      refused.push({ record, fault });
      continue;
    }
    const candle = (decoded as { value: Candle }).value;
    const key = candleKey(candle.source, candle.symbol, candle.interval, candle.window_start);
    // Deleted first, so that the map's order is that of the newest records' offsets.
    if (newest.delete(key)) replaced++;
    newest.set(key, { candle, record });
  }
  const windowStart = createTimeWriter();
  const rows = createRowWriter(newest.size);
  for (const { candle, record } of newest.values()) {
    rows.add(candleLine(candle, windowStart), record);
  }
  return {
    table: "candles",
    ...place,
    rows: rows.rows(),
    refused,
    replaced,
    ingest_days: new Set(),
  };
}

function candleLine(candle: Candle, windowStart: TimeWriter): string {
  const numbers = [candle.open, candle.high, candle.low, candle.close, candle.volume, candle.vwap]
    .map(copyNumber).join("\t");
  return `${copyString(candle.source)}\t${copyString(candle.symbol)}\t${candle.interval}\t${
    windowStart(candle.window_start)
  }\t${numbers}\t${copyNumber(candle.average_price)}\t${
    copyNumber(candle.sliding_average_price)
  }\t${candle.trades}\t${copyNumber(candle.change_pct)}\t${candle.final ? "t" : "f"}\n`;
}

const PRICE_FIELDS = [
  "open",
  "high",
  "low",
  "close",
  "vwap",
  "average_price",
  "sliding_average_price",
  "change_pct",
] as const;

/**
 * Judges whether a decoded value is a candle that `candles` can hold.
 *
 * @returns Null if it is.
 */
export function candleFault(value: unknown): Fault | null {
  const malformed = (message: string): Fault => ({ reason: "candle_malformed", message });
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return malformed(`A candle must be an object: it is ${describe(value)}`);
  }
  const candle = value as { [field: string]: unknown };
  const name_fault = sourceFault(candle.source) ?? symbolFault(candle.symbol);
  if (name_fault !== null) return malformed(name_fault.message);
  if (typeof candle.interval !== "string" || !Object.hasOwn(INTERVAL_MS, candle.interval)) {
    return malformed(
      `interval must be one of ${Object.keys(INTERVAL_MS)}: it is ${describe(candle.interval)}`,
    );
  }
  const { window_start, volume, trades, final } = candle;
  if (
    !Number.isSafeInteger(window_start) ||
    (window_start as number) < TIMESTAMP_MS_MIN - 3_600_000 ||
    (window_start as number) > TIMESTAMP_MS_MAX
  ) {
    return malformed(
      `window_start must be whole milliseconds between the years 1900 and 9999: it is ${
        describe(window_start)
      }`,
    );
  }
  for (const field of PRICE_FIELDS) {
    if (candle[field] !== null && !Number.isFinite(candle[field])) {
      return malformed(`${field} must be a number or null: it is ${describe(candle[field])}`);
    }
  }
  if (!Number.isFinite(volume)) {
    return malformed(`volume must be a number: it is ${describe(volume)}`);
  }
  if (!Number.isSafeInteger(trades) || (trades as number) < 0) {
    return malformed(`trades must be a whole number from 0 on: it is ${describe(trades)}`);
  }
  if (typeof final !== "boolean") {
    return malformed(`final must be true or false: it is ${describe(final)}`);
  }
  return null;
}
