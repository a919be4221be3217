/** A slice: records of one partition that are stored in one transaction, and what was refused. */
import type { KafkaMessage } from "kafkajs";
import { ONLY_STAGE_HEADER, RECORD_KIND_HEADER } from "../../contract/records.ts";
import { PIPELINE } from "../../contract/pipeline.ts";
import type { RefusedRecord } from "../../runtime/kafka_record.ts";
import type { EncodedRows } from "./copy_rows.ts";

/** This stage's name. */
export const STAGE = PIPELINE[2].name;

/** The tables that the sink writes. */
export type SinkTable = "ticks" | "candles";

/** Rows of a run of records, ready to be stored. */
export interface Slice {
  table: SinkTable;
  topic: string;
  partition: number;
  /** The position before: what the database must hold for these rows to be stored. */
  from: bigint;
  /** The position after: past the last record, whatever was left out. */
  to: bigint;
  rows: EncodedRows;
  refused: RefusedRecord[];
  /** How many candles a newer one in the slice has replaced; 0 for ticks. */
  replaced: number;
  /** Days (UTC, since the epoch) of the rows' time of ingest; empty for candles. */
  ingest_days: ReadonlySet<number>;
}

/** Where a slice's records lie. */
export type SlicePlace = Pick<Slice, "topic" | "partition" | "from" | "to">;

/**
 * Whether a record is for this stage and is data: markers, state and ledger records are not, nor is
 * a replayed dead letter of another stage.
 */
export function isForSink(record: KafkaMessage): boolean {
  const headers = record.headers;
  if (headers === undefined) return true;
  if (headers[RECORD_KIND_HEADER] !== undefined) return false;
  const only = headers[ONLY_STAGE_HEADER];
  return only === undefined || String(only) === STAGE;
}
