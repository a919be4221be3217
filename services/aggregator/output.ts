/** The records of a flush as they go to Kafka. Pure. */
import { candleKey } from "../../contract/candle.ts";
import { ledgerKey, RECORD_KIND_HEADER, STATE_KEY } from "../../contract/records.ts";
import type { OutgoingRecord } from "../../runtime/kafka_sender.ts";
import type { FlushRecords } from "./partition_state.ts";

/** Where a partition's records go. */
export interface OutputNames {
  stage: string;
  tick_topic: string;
  candle_topic: string;
  dead_letter_topic: string;
}

/**
 * The output records of a flush, in order; the state record comes last.
 *
 * @param names Topics, and the stage's name.
 * @param partition The partition, of input and output alike.
 * @param flush What the state gave.
 * @param now_ms Timestamp of the records.
 */
export function outputRecords(
  names: OutputNames,
  partition: number,
  flush: FlushRecords,
  now_ms: number,
): OutgoingRecord[] {
  const record = (key: string, value: unknown, kind?: string): OutgoingRecord => ({
    topic: names.candle_topic,
    partition,
    key,
    value: JSON.stringify(value),
    timestamp_ms: now_ms,
    ...(kind === undefined ? {} : { headers: { [RECORD_KIND_HEADER]: kind } }),
  });
  return [
    ...flush.candles.map((candle) =>
      record(
        candleKey(candle.source, candle.symbol, candle.interval, candle.window_start),
        candle,
      )
    ),
    ...flush.ledger.map((ledger) =>
      record(ledgerKey(ledger.minute, ledger.first_offset), ledger, "ledger")
    ),
    record(STATE_KEY, flush.state, "state"),
  ];
}
