/** Records of the tick topic into rows of `ticks`. Pure; each record is decoded once. */
import type { KafkaMessage } from "kafkajs";
import { TRACEPARENT_HEADER } from "../../contract/records.ts";
import { decodeTick, type Fault, type Tick, TIMESTAMP_MS_MIN } from "../../contract/tick.ts";
import { readTraceparent } from "../../contract/traceparent.ts";
import type { RefusedRecord } from "../../runtime/kafka_record.ts";
import { createRowWriter } from "./copy_rows.ts";
import { COPY_NULL, copyString, createTimeWriter } from "./copy_text.ts";
import { isForSink, type Slice, type SlicePlace } from "./slice.ts";

/** Columns of `ticks`, in the order in which `tickSlice` writes them. */
export const TICK_COLUMNS = "source, symbol, event_time, price, volume, trade_id, price_forming, " +
  "ingest_time, kafka_partition, kafka_offset, trace_id";

export const DAY_MS = 86_400_000;

/**
 * Makes the rows of some records.
 *
 * @param records Records of one partition, in order.
 * @param place Where they lie.
 * @param now_ms A record's timestamp may be a day past this at most: partitions are made a day
 *   ahead, and one far in the future would never expire.
 */
export function tickSlice(
  records: readonly KafkaMessage[],
  place: SlicePlace,
  now_ms: number,
): Slice {
  const rows = createRowWriter(records.length);
  const refused: RefusedRecord[] = [];
  const ingest_days = new Set<number>();
  const eventTime = createTimeWriter();
  const ingestTime = createTimeWriter();
  let day = NaN;
  for (const record of records) {
    if (!isForSink(record)) continue;
    const decoded = decodeTick(record.value);
    const ingest_ms = Number(record.timestamp);
    const fault = "fault" in decoded ? decoded.fault : ingestTimeFault(ingest_ms, now_ms);
    if (fault !== null) {
      refused.push({ record, fault });
      continue;
    }
    const day_now = Math.floor(ingest_ms / DAY_MS);
    if (day_now !== day) ingest_days.add(day = day_now);
    const { tick } = decoded as { tick: Tick };
    rows.add(
      `${copyString(tick.source)}\t${copyString(tick.symbol)}\t${
        eventTime(tick.timestamp)
      }\t${tick.price}\t${tick.volume}\t${
        tick.trade_id === undefined ? COPY_NULL : copyString(tick.trade_id)
      }\t${tick.price_forming === false ? "f" : "t"}\t${
        ingestTime(ingest_ms)
      }\t${place.partition}\t${record.offset}\t${traceId(record)}\n`,
      record,
    );
  }
  return { table: "ticks", ...place, rows: rows.rows(), refused, replaced: 0, ingest_days };
}

function ingestTimeFault(ingest_ms: number, now_ms: number): Fault | null {
  if (ingest_ms >= TIMESTAMP_MS_MIN && ingest_ms <= now_ms + DAY_MS) return null;
  return {
    reason: "ingest_time_invalid",
    message: `The record's timestamp must be after 1900 and at most a day ahead of ${
      new Date(now_ms).toISOString()
    }: it is ${ingest_ms} ms`,
  };
}

function traceId(record: KafkaMessage): string {
  const header = record.headers?.[TRACEPARENT_HEADER];
  if (header === undefined) return COPY_NULL;
  return readTraceparent(String(header))?.trace_id ?? COPY_NULL;
}
