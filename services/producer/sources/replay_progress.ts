/** Tells how far a replay is: a log line every few seconds, a gauge, and the first refused lines. */
import type { RefusedInput } from "../refused_input.ts";
import type { SourceContext } from "./source.ts";

const INTERVAL_MS = 5_000;
/** Refused lines beyond these are only counted: the dead letters name each. */
const REFUSED_LINES_SHOWN = 20;

/** Follows a replay. */
export interface Progress {
  /** Some more has been handed over. */
  moved(ticks: number, block: { last_line: number; position: number }): void;
  refused(inputs: readonly RefusedInput[]): void;
  ended(): void;
}

/**
 * How long the rest will take at the rate so far.
 *
 * @param done_ratio Share that is done, from 0 to 1.
 * @param elapsed_ms How long that took.
 * @returns Seconds; null while nothing can be said.
 */
export function timeLeft(done_ratio: number, elapsed_ms: number): number | null {
  if (!(done_ratio > 0) || elapsed_ms <= 0) return null;
  return Math.round(elapsed_ms * (1 - done_ratio) / done_ratio / 1_000);
}

/**
 * Begins to follow a replay.
 *
 * @param context Where to tell.
 * @param source The replay's source.
 * @param size The file's bytes.
 */
export function createProgress(
  { log, metrics }: Pick<SourceContext, "log" | "metrics">,
  source: string,
  size: number,
): Progress {
  const started_at_ms = performance.now();
  let told_at_ms = started_at_ms;
  let told_ticks = 0;
  let ticks = 0;
  let refused = 0;
  let line = 0;
  let first_position: number | null = null;

  return {
    moved(count, block) {
      ticks += count;
      line = block.last_line;
      const now = performance.now();
      // What was skipped at the start says nothing about the rate.
      if (count > 0) first_position ??= block.position;
      if (now - told_at_ms < INTERVAL_MS) return;
      const ratio = Math.min(1, block.position / Math.max(1, size));
      metrics.replay_progress.set(ratio);
      const begun = first_position ?? block.position;
      log.info(`replay at line ${line}, ${(ratio * 100).toFixed(1)} %`, {
        event: "progress",
        source,
        line,
        ratio,
        ticks,
        refused,
        ticks_per_s: Math.round((ticks - told_ticks) / (now - told_at_ms) * 1_000),
        seconds_left: timeLeft((block.position - begun) / (size - begun), now - started_at_ms),
      });
      told_at_ms = now;
      told_ticks = ticks;
    },
    refused(inputs) {
      for (const { line, fault } of inputs) {
        if (refused++ >= REFUSED_LINES_SHOWN) continue;
        log.warn(`refused ${fault.message}`, {
          event: "line_refused",
          source,
          line,
          reason: fault.reason,
        });
      }
    },
    ended() {
      const elapsed_s = (performance.now() - started_at_ms) / 1_000;
      metrics.replay_progress.set(1);
      log.info(`replay of ${ticks} ticks ended, ${refused} lines refused`, {
        event: "source_ended",
        source,
        ticks,
        refused,
        last_line: line,
        elapsed_s,
        ticks_per_s: Math.round(ticks / Math.max(elapsed_s, 0.001)),
      });
    },
  };
}
