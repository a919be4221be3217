/** The records of a flush as they go to Kafka. Pure. */
import { candleKey } from "../../contract/candle.ts";
import {
  ledgerKey,
  RECORD_KIND_HEADER,
  STATE_KEY,
  TRACEPARENT_HEADER,
} from "../../contract/records.ts";
import type { OutgoingRecord } from "../../runtime/kafka_sender.ts";
import { type SpanContext, traceparentOf } from "../../runtime/spans.ts";
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
 * @param trace The sampled trace that the candles belong to.
 */
export function outputRecords(
  names: OutputNames,
  partition: number,
  flush: FlushRecords,
  now_ms: number,
  trace: SpanContext | null = null,
): OutgoingRecord[] {
  const traced = trace === null ? {} : { headers: { [TRACEPARENT_HEADER]: traceparentOf(trace) } };
  const record = (key: string, value: unknown, kind?: string): OutgoingRecord => ({
    topic: names.candle_topic,
    partition,
    key,
    value: JSON.stringify(value),
    timestamp_ms: now_ms,
    ...(kind === undefined ? traced : { headers: { [RECORD_KIND_HEADER]: kind } }),
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
