/** Finds out from Kafka how far a file has been replayed (decision 11: a replay resumes there). */
import { type Marker, REPLAY_LINE_HEADER, REPLAY_RUN_HEADER } from "../../../contract/records.ts";
import { decodeJson } from "../../../contract/tick.ts";
import { headerText } from "../../../runtime/kafka_record.ts";
import { type PartitionReader, readRange, type ReadRecord } from "../../../runtime/kafka_reader.ts";
import { roundOf } from "./replay_run.ts";

/** The latest trace of a file in one partition. */
export interface Trace {
  /** Which replay of it (`--again` counts up). */
  round: number;
  /** The last line that is there; null: the end marker is, and so is everything. */
  line: number | null;
  /** The source that its ticks have. */
  source: string;
}

/** What the tick topic's tail tells of a file, and of other runs. */
export interface FoundTraces {
  /** By partition: the latest trace of the file; null where there is none. */
  traces: (Trace | null)[];
  /** Sources of all runs that were come across, the file's own too. */
  taken_sources: Set<string>;
  /** The search ended at its bound, before the topic's start: what is older is not known. */
  is_cut: boolean;
  /** By partition: the offset from where the search went back; what is younger is not known. */
  searched_to: bigint[];
}

/** From where a replay goes on. */
export interface ResumePoint {
  round: number;
  /** The source that the round's ticks in Kafka have; null where the round begins. */
  source: string | null;
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
  const source = of_round.find((trace) => trace !== null)?.source ?? null;
  if (of_round.some((trace) => trace?.line === null)) {
    // The end marker goes out when every tick is confirmed: no line is to be sent any more.
    const lines = traces.map(() => Infinity);
    if (of_round.some((trace) => trace?.line !== null)) {
      return { round, source, lines, is_complete: false };
    }
    return again
      ? { round: round + 1, source: null, lines: traces.map(() => 0), is_complete: false }
      : { round, source, lines, is_complete: true };
  }
  return { round, source, lines: of_round.map((trace) => trace?.line ?? 0), is_complete: false };
}

/**
 * Looks in the tail of each partition for the latest trace of a file, and for the sources of runs.
 *
 * @param reader Reads the tick topic.
 * @param topic The tick topic.
 * @param partitions How many it has.
 * @param wanted `identity` is the file's. `records_max` is how far back to look in each partition;
 *   where one of them holds a trace, the others are searched to their beginning: else lines of
 *   theirs would be sent twice. A partition's search ends at the file's trace, except where `again`
 *   asks for a new source: then sources are looked for as far as the bound.
 */
export async function findTraces(
  reader: PartitionReader,
  topic: string,
  partitions: number,
  wanted: { identity: string; records_max: number; again: boolean },
): Promise<FoundTraces> {
  const taken_sources = new Set<string>();
  const search = (partition: number, depth: number): ReturnType<typeof searchPartition> =>
    searchPartition(reader, topic, partition, { ...wanted, records_max: depth }, taken_sources);
  const found: Awaited<ReturnType<typeof search>>[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    found.push(await search(partition, wanted.records_max));
  }
  if (found.some(({ trace }) => trace !== null)) {
    for (let partition = 0; partition < partitions; partition++) {
      if (found[partition]!.trace !== null) continue;
      found[partition] = await search(partition, Number.MAX_SAFE_INTEGER);
    }
  }
  return {
    traces: found.map(({ trace }) => trace),
    taken_sources,
    is_cut: found.some(({ is_cut }) => is_cut),
    searched_to: found.map(({ searched_to }) => searched_to),
  };
}

async function searchPartition(
  reader: PartitionReader,
  topic: string,
  partition: number,
  wanted: { identity: string; records_max: number; again: boolean },
  taken_sources: Set<string>,
): Promise<{ trace: Trace | null; is_cut: boolean; searched_to: bigint }> {
  const { earliest, last_stable: searched_to } = await reader.ends(topic, partition);
  const bound = searched_to - BigInt(wanted.records_max);
  const floor = bound > earliest ? bound : earliest;
  let step = FIRST_STEP;
  let trace: Trace | null = null;
  for (let end = searched_to; end > floor; step *= 2n) {
    const from = end - step > floor ? end - step : floor;
    let latest: Trace | null = null;
    for await (const records of readRange(reader, topic, partition, from, end)) {
      for (const record of records) {
        const found = runOf(record);
        if (found === null) continue;
        const round = roundOf(wanted.identity, found.run);
        // A run that was killed after its claim has sent nothing, and claims again.
        if (found.is_claim && round !== null) continue;
        taken_sources.add(found.source);
        if (round !== null) latest = { round, line: found.line, source: found.source };
      }
    }
    trace ??= latest;
    if (trace !== null && !wanted.again) return { trace, is_cut: false, searched_to };
    end = from;
  }
  return { trace, is_cut: floor > earliest, searched_to };
}

/** What a record tells of a run. */
export interface FoundRun {
  run: string;
  /** Null in its end marker. */
  line: number | null;
  source: string;
  /** The run takes the source, and has sent nothing before (`replay_claim.ts`). */
  is_claim: boolean;
}

/** The run that a record tells of; null where it tells of none. */
export function runOf({ headers, value }: Pick<ReadRecord, "headers" | "value">): FoundRun | null {
  const run = headerText(headers, REPLAY_RUN_HEADER);
  if (run === null || value === null) return null;
  // Ticks, claims and end markers all say their source.
  const decoded = decodeJson(value);
  if ("fault" in decoded) return null;
  const { source, ended } = (decoded.value ?? {}) as Partial<Marker>;
  if (typeof source !== "string") return null;
  const line = headerText(headers, REPLAY_LINE_HEADER);
  const is_marker = line === null;
  return {
    run,
    line: is_marker ? null : Number(line),
    source,
    is_claim: is_marker && ended !== true,
  };
}
