/** Source `replay`: the ticks of a file, by event time or as fast as they go, once. */
import type { Tick } from "../../../contract/tick.ts";
import { sleep } from "../../../runtime/backoff.ts";
import { ConfigError } from "../../../runtime/config.ts";
import { CLAIM_PARTITION, claimSource } from "./replay_claim.ts";
import { createPace, type Pace } from "./replay_pace.ts";
import { createProgress, type Progress } from "./replay_progress.ts";
import { findTraces, type ResumePoint, resumePoint } from "./replay_resume.ts";
import { checkFormat, readRows, refuseLine, type RowBlock } from "./replay_rows.ts";
import { identifyFile, type ReplayFile, runName, sampleSource } from "./replay_run.ts";
import { skipSent } from "./replay_skip.ts";
import { createReservoir, sendSamples } from "./replay_sample.ts";
import type { OpenSource, SourceContext } from "./source.ts";

/** A gap in event time is waited for in slices, so that the clock may change and a stop is prompt. */
const SLICE_MS = 250;

/** Opens the file; a file that can't be replayed is refused here. */
export const openReplay: OpenSource = async (context) => {
  const path = context.config.replay_file!;
  const file = await openFile(path);
  return {
    missing: () => [],
    run: () => context.config.replay_sample ? runSample(context, file) : runReplay(context, file),
  };
};

async function openFile(path: string): Promise<ReplayFile> {
  try {
    const file = await identifyFile(path);
    await checkFormat(file.path);
    return file;
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : (error as Error).message;
    throw new ConfigError([`Cannot replay TAPELINE_REPLAY_FILE=${path}: ${why}`]);
  }
}

async function runReplay(context: SourceContext, file: ReplayFile): Promise<void> {
  const { config, door, log, stopping } = context;
  const from = await whereToGoOn(context, file);
  if (from === null) return;
  const { source } = from;
  const run = runName(file.identity, from.round);
  if (from.is_complete) {
    log.info(
      `${file.path} is already in, as source ${source}; TAPELINE_REPLAY_AGAIN=true sends it again`,
      { event: "already_replayed", source, run },
    );
    return;
  }
  log.info("replay starts", { event: "source_started", source, run, after_lines: from.lines });
  const pace = createPace(config.replay_speed);
  const progress = createProgress(context, source, file.size);
  let newest: number | null = null;
  const reached = (timestamp: number | null): void => {
    if (timestamp !== null && (newest === null || timestamp > newest)) newest = timestamp;
  };
  for await (const read of readRows(file.path, source)) {
    if (stopping.aborted) return;
    const { block, newest_skipped } = skipSent(read, source, from.lines, Date.now());
    reached(newest_skipped);
    const { ticks, lines } = await admitRows(context, source, block, progress);
    for (const tick of ticks) reached(tick.timestamp);
    if (!await sendInTime(context, pace, run, ticks, lines)) return;
    progress.moved(ticks.length, block);
  }
  if (await door.put({ kind: "marker", source, event_time: newest, ended: true, run })) {
    progress.ended();
  }
}

async function runSample(context: SourceContext, file: ReplayFile): Promise<void> {
  const source = sampleSource(file.path);
  const progress = createProgress(context, source, file.size);
  const reservoir = createReservoir();
  for await (const block of readRows(file.path, source)) {
    if (context.stopping.aborted) return;
    const { ticks } = await admitRows(context, source, block, progress);
    reservoir.add(ticks);
  }
  context.log.info("sampling starts", { event: "source_started", source });
  await sendSamples(context, reservoir);
}

/** Null where the producer stops first. */
async function whereToGoOn(
  { config, door, log, openReader, partitions, stopping }: SourceContext,
  file: ReplayFile,
): Promise<ResumePoint & { source: string } | null> {
  const reader = await openReader();
  try {
    const { replay_again: again, replay_search_records: records_max } = config;
    const wanted = { identity: file.identity, records_max, again };
    const found = await findTraces(reader, config.tick_topic, partitions, wanted);
    const from = resumePoint(found.traces, again);
    const source = from.source ?? await claimSource(reader, door, stopping, {
      topic: config.tick_topic,
      path: file.path,
      run: runName(file.identity, from.round),
      taken_sources: found.taken_sources,
      searched_to: found.searched_to[CLAIM_PARTITION]!,
    });
    if (source === null) return null;
    if (found.is_cut && from.source === null) {
      log.warn(
        `only the newest ${records_max} records of each partition were searched for earlier ` +
          `replays: if one of ${file.path} is older, lines come twice, and if source ${source} is ` +
          "an older replay's, its ticks are late; TAPELINE_REPLAY_SEARCH_RECORDS sets how far back",
        { event: "search_cut", source, records_max },
      );
    }
    return { ...from, source };
  } finally {
    await reader.close();
  }
}

/** Judges rows; refused lines are on their way to the dead letters before any later tick is. */
async function admitRows(
  { door }: SourceContext,
  source: string,
  block: RowBlock,
  progress: Progress,
): Promise<{ ticks: Tick[]; lines: number[] }> {
  door.countMalformed(block.malformed.map(({ fault }) => fault));
  const { ticks, indexes, refused } = door.admit(source, block.inputs);
  const inputs = [
    ...block.malformed,
    ...refused.map(({ index, fault }) =>
      refuseLine(source, block, block.lines[index]!, block.texts[index]!, fault)
    ),
  ].sort((left, right) => left.line - right.line);
  if (inputs.length > 0) {
    progress.refused(inputs);
    await door.put({ kind: "refused", inputs });
  }
  return { ticks, lines: indexes.map((index) => block.lines[index]!) };
}

/** Hands ticks over when they are due. False where the producer stops first. */
async function sendInTime(
  { door, stopping }: SourceContext,
  pace: Pace,
  run: string,
  ticks: readonly Tick[],
  lines: readonly number[],
): Promise<boolean> {
  for (let from = 0; from < ticks.length;) {
    const wait_ms = pace.due_ms(ticks[from]!.timestamp) - Date.now();
    if (wait_ms > 0) {
      await sleep(Math.min(wait_ms, SLICE_MS), stopping);
      if (stopping.aborted) return false;
      continue;
    }
    const now_ms = Date.now();
    let end = from + 1;
    while (end < ticks.length && pace.due_ms(ticks[end]!.timestamp) <= now_ms) end++;
    const queued = await door.put({
      kind: "ticks",
      ticks: from === 0 && end === ticks.length ? ticks : ticks.slice(from, end),
      replay: { run, lines: lines.slice(from, end) },
    });
    if (!queued) return false;
    from = end;
  }
  return !stopping.aborted;
}
