/** Leaves out of a replay what Kafka holds already. */
import { partitionOf } from "../../../contract/partition.ts";
import { admitTick, farFutureFault } from "../../../contract/tick.ts";
import type { RowBlock } from "./replay_rows.ts";

/** A block without its sent rows. */
export interface Unsent {
  block: RowBlock;
  /** Newest event time among the rows left out, ms. */
  newest_skipped: number | null;
}

/**
 * Leaves out the rows whose partition is known to hold them, and whatever else was dealt with
 * before the furthest of these lines (refused lines go out ahead of later ticks).
 *
 * @param block Rows of the file.
 * @param source The replay's source.
 * @param lines By partition: the last line that is there.
 * @param now_ms The clock, for the judgement of far-future ticks.
 */
export function skipSent(
  block: RowBlock,
  source: string,
  lines: readonly number[],
  now_ms: number,
): Unsent {
  const furthest = Math.max(...lines);
  if ((block.lines[0] ?? block.last_line) > furthest) return { block, newest_skipped: null };
  const kept: RowBlock = {
    ...block,
    inputs: [],
    lines: [],
    texts: [],
    malformed: block.malformed.filter(({ line }) => line > furthest),
  };
  let newest_skipped: number | null = null;
  for (let at = 0; at < block.lines.length; at++) {
    const line = block.lines[at]!;
    if (line <= furthest) {
      const judged = admitTick(source, block.inputs[at]);
      if ("fault" in judged) continue;
      const { symbol, timestamp } = judged.tick;
      if (line <= lines[partitionOf(symbol, lines.length)]!) {
        if (
          !farFutureFault(timestamp, now_ms) &&
          (newest_skipped === null || timestamp > newest_skipped)
        ) newest_skipped = timestamp;
        continue;
      }
    }
    kept.inputs.push(block.inputs[at]);
    kept.lines.push(line);
    kept.texts.push(block.texts[at]!);
  }
  return { block: kept, newest_skipped };
}
