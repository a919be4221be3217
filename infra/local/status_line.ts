/** The line that lives: ticks/s in, rows/s stored, seconds behind, and what is not well. */
import type { PartStatus } from "./part.ts";

/** Counters at a moment. */
export interface StatusSample {
  /** Milliseconds that only grow. */
  at_ms: number;
  /** Ticks that Kafka has confirmed to the producer since that started. */
  ticks_in: number;
  /** Rows of ticks that the sink has stored since that started. */
  rows_stored: number;
  /** Seconds; null if it can't be told at the moment. */
  behind_s: number | null;
  /** Share of a replayed file that has been read, from 0 to 1; 0 where none is replayed. */
  replayed: number;
}

/**
 * The line for the time between two samples.
 *
 * @param before The earlier one.
 * @param after The later one.
 * @param parts What the supervisor keeps: named where they are not just running.
 * @param trouble What else is not well, in words; null where all is.
 */
export function statusLine(
  before: StatusSample,
  after: StatusSample,
  parts: readonly PartStatus[],
  trouble: string | null = null,
): string {
  const span_s = Math.max(0.001, (after.at_ms - before.at_ms) / 1_000);
  const behind = after.behind_s === null ? "?" : after.behind_s.toFixed(1);
  const words = [
    `in ${rate(after.ticks_in - before.ticks_in, span_s)} ticks/s`,
    `stored ${rate(after.rows_stored - before.rows_stored, span_s)} rows/s`,
    `behind ${behind} s`,
    ...replayWords(before, after, span_s),
    ...[trouble, ...parts.map(partWords)].filter((text) => text !== null),
  ];
  return words.join("  |  ");
}

/** A counter that fell was that of a process which has been started again: it counts from zero. */
function rate(grown: number, span_s: number): string {
  const per_second = Math.max(0, grown) / span_s;
  return per_second >= 100 ? Math.round(per_second).toLocaleString("en") : per_second.toFixed(1);
}

function replayWords(before: StatusSample, after: StatusSample, span_s: number): string[] {
  if (after.replayed === 0) return [];
  const per_second = (after.replayed - before.replayed) / span_s;
  const left = per_second <= 0 ? "" : `, ${duration((1 - after.replayed) / per_second)} left`;
  return [`replayed ${(after.replayed * 100).toFixed(1)} %${after.replayed < 1 ? left : ""}`];
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3_600).toFixed(1)} h`;
}

function partWords({ name, state, restarts }: PartStatus): string | null {
  const again = restarts === 0
    ? ""
    : `, restarted ${restarts} ${restarts === 1 ? "time" : "times"}`;
  if (state === "running" || state === "given") return again === "" ? null : `${name}${again}`;
  return `${name} ${state}${again}`;
}
