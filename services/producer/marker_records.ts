/** The records of markers: one per partition, at the head of a batch. */
import { type Marker, RECORD_KIND_HEADER, REPLAY_RUN_HEADER } from "../../contract/records.ts";
import type { OutgoingRecord } from "../../runtime/kafka_sender.ts";
import type { MarkerLoad } from "./load.ts";
import type { Receipts } from "./receipts.ts";

/** Source of a marker that carries receipts only. */
export const RECEIPT_SOURCE = "producer";

/** Whose markers they are, and where they go. */
export interface MarkerContext {
  topic: string;
  /** Names this start of the producer. */
  run: string;
  partitions: number;
  receipts: Receipts;
}

/**
 * The records of a source's marker, one per partition; the first in each partition takes the
 * receipts.
 *
 * @param context Whose they are.
 * @param load What the source has reached.
 * @param timestamp_ms Time of ingest.
 */
export function sourceMarkers(
  context: MarkerContext,
  load: MarkerLoad,
  timestamp_ms: number,
): OutgoingRecord[] {
  return Array.from(
    { length: context.partitions },
    (_, partition) =>
      markerRecord(context, partition, timestamp_ms, {
        source: load.source,
        run: context.run,
        ...(load.event_time === null ? {} : { event_time: load.event_time }),
        ...(load.ended ? { ended: true } : {}),
        confirmed: context.receipts.take(partition),
      }, load.run),
  );
}

/**
 * The records that carry receipts only.
 *
 * @param context Whose they are.
 * @param partitions Which partitions get one.
 * @param timestamp_ms Time of ingest.
 */
export function receiptMarkers(
  context: MarkerContext,
  partitions: readonly number[],
  timestamp_ms: number,
): OutgoingRecord[] {
  return partitions.map((partition) =>
    markerRecord(context, partition, timestamp_ms, {
      source: RECEIPT_SOURCE,
      run: context.run,
      confirmed: context.receipts.take(partition),
    })
  );
}

function markerRecord(
  context: MarkerContext,
  partition: number,
  timestamp_ms: number,
  marker: Marker,
  replay_run?: string,
): OutgoingRecord {
  return {
    topic: context.topic,
    partition,
    key: marker.source,
    value: JSON.stringify(marker),
    timestamp_ms,
    headers: {
      [RECORD_KIND_HEADER]: "marker",
      ...(replay_run === undefined ? {} : { [REPLAY_RUN_HEADER]: replay_run }),
    },
  };
}
