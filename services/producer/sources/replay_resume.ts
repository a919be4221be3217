/** Finds out from Kafka how far a file has been replayed (decision 11: a replay resumes there). */
import { REPLAY_LINE_HEADER, REPLAY_RUN_HEADER } from "../../../contract/records.ts";
import { type PartitionReader, readRange, type ReadRecord } from "../../../runtime/kafka_reader.ts";
import { roundOf } from "./replay_run.ts";

/** The latest trace of a file in one partition. */
export interface Trace {
  /** Which replay of it (`--again` counts up). */
  round: number;
  /** The last line that is there; null: the end marker is, and so is everything. */
  line: number | null;
}

/** From where a replay goes on. */
export interface ResumePoint {
  round: number;
  /** By partition: the last line that is there; 0 where none is, Infinity where all are. */
  lines: number[];
  /** The file was replayed to its end, and is not to be sent again. */
  is_complete: boolean;
}

/** How far back the first look goes; each further one goes twice as far. */
const FIRST_STEP = 2_000n;

/**
 * Decides from where to go on.
 *
 * @param traces By partition: the latest trace of the file, or null.
 * @param again Whether a complete replay is followed by another.
 */
export function resumePoint(traces: readonly (Trace | null)[], again: boolean): ResumePoint {
  const round = Math.max(1, ...traces.map((trace) => trace?.round ?? 0));
  const of_round = traces.map((trace) => trace?.round === round ? trace : null);
  if (of_round.some((trace) => trace?.line === null)) {
    // The end marker goes out when every tick is confirmed: no line is to be sent any more.
    const lines = traces.map(() => Infinity);
    if (of_round.some((trace) => trace?.line !== null)) {
      return { round, lines, is_complete: false };
    }
    return again
      ? { round: round + 1, lines: traces.map(() => 0), is_complete: false }
      : { round, lines, is_complete: true };
  }
  return { round, lines: of_round.map((trace) => trace?.line ?? 0), is_complete: false };
}

/**
 * Looks in the tail of each partition for the latest trace of a file.
 *
 * @param reader Reads the tick topic.
 * @param topic The tick topic.
 * @param partitions How many it has.
 * @param identity The file's.
 * @param records_max How far back to look in each partition. Where one of them holds a trace, the
 *   others are searched to their beginning: else lines of theirs would be sent twice.
 * @returns By partition; null where there is none.
 */
export async function findTraces(
  reader: PartitionReader,
  topic: string,
  partitions: number,
  identity: string,
  records_max: number,
): Promise<(Trace | null)[]> {
  const traces: (Trace | null)[] = [];
  const search = (partition: number, depth: number): Promise<Trace | null> =>
    findTrace(reader, topic, partition, identity, BigInt(depth));
  for (let partition = 0; partition < partitions; partition++) {
    traces.push(await search(partition, records_max));
  }
  if (traces.every((trace) => trace === null)) return traces;
  for (let partition = 0; partition < partitions; partition++) {
    traces[partition] ??= await search(partition, Number.MAX_SAFE_INTEGER);
  }
  return traces;
}

async function findTrace(
  reader: PartitionReader,
  topic: string,
  partition: number,
  identity: string,
  records_max: bigint,
): Promise<Trace | null> {
  const { earliest, last_stable } = await reader.ends(topic, partition);
  const floor = last_stable - earliest > records_max ? last_stable - records_max : earliest;
  let step = FIRST_STEP;
  for (let end = last_stable; end > floor; step *= 2n) {
    const from = end - step > floor ? end - step : floor;
    let latest: Trace | null = null;
    for await (const records of readRange(reader, topic, partition, from, end)) {
      for (const record of records) latest = traceOf(record, identity) ?? latest;
    }
    if (latest) return latest;
    end = from;
  }
  return null;
}

function traceOf({ headers }: ReadRecord, identity: string): Trace | null {
  const run = headers?.[REPLAY_RUN_HEADER];
  if (run === undefined) return null;
  const round = roundOf(identity, String(run));
  if (round === null) return null;
  const line = headers?.[REPLAY_LINE_HEADER];
  // A record of the run without a line is its end marker.
  return { round, line: line === undefined ? null : Number(line) };
}
