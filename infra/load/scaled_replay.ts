/**
 * A day of real trades as a load: each tick is copied under as many symbols as the rate of its moment
 * needs, and the day is sped up. The file is made when it is needed, and never kept.
 */
import { RISES, stagesOf, WARM_UP_S } from "../../load-tests/kinds.ts";
import { hasSharedData, readTickLines, sharedFile } from "../testing/shared_data.ts";
import type { LoadRate } from "./scenarios.ts";

const SET = "equity-2013-10-07";
const HEADER = "symbol,timestamp,price,volume,trade_id,price_forming";
/** 9:30 in New York: before, there is a trade a minute. */
const OPENING_MS = Date.UTC(2013, 9, 7, 13, 30);
/** Of the day from its opening on: the last hours have a trade a minute again. */
const TICKS_MAX = 100_000;
/** The platform starts before k6 does, and k6 looks a last time while the feed goes on. */
const LEAD_S = 15;
const TAIL_S = 60;
/** So long the first rate lasts before anything is measured. */
export const STEADY_S = LEAD_S + WARM_UP_S;
/** A tick is copied so often on average, or more where the day is too short: few, and gaps are short. */
const COPIES_USUAL = 5;
const WRITTEN_LINES = 20_000;

/** How a day becomes a load. */
export interface Scaling {
  /** Ticks of the day that are used, from its opening on. */
  ticks: number;
  /** As `--speed` takes it. */
  speed: number;
}

/** The ticks that are to have come so long after the start, at the load's rates. */
export function ticksDue(load: LoadRate, elapsed_s: number): number {
  const { kind, ticks_per_s, duration_s } = load;
  let due = 0;
  let left_s = elapsed_s;
  let from = 1;
  const stages = [
    { times: 1, seconds: STEADY_S },
    ...stagesOf(kind, duration_s),
    { times: stagesOf(kind, duration_s).at(-1)!.times, seconds: Infinity },
  ];
  for (const { times, seconds } of stages) {
    const spent_s = Math.min(left_s, seconds);
    // A constant load has one stage; the others go in a straight line to each stage's end.
    const reached = RISES[kind] === 1 || seconds === Infinity
      ? times
      : from + (times - from) * (spent_s / seconds);
    due += ticks_per_s * spent_s * (from + reached) / 2;
    left_s -= spent_s;
    if (left_s <= 0) break;
    from = times;
  }
  return due;
}

/**
 * Says how much of a day is needed, and how fast it must go.
 *
 * @param load What is to come of it.
 * @param times_ms Event times of the day's ticks from its opening on.
 */
export function scalingOf(load: LoadRate, times_ms: readonly number[]): Scaling {
  const whole_s = STEADY_S + load.duration_s + TAIL_S;
  const wanted = Math.ceil(load.ticks_per_s * whole_s / COPIES_USUAL);
  const ticks = Math.min(wanted, TICKS_MAX, times_ms.length);
  const speed = (times_ms[ticks - 1]! - times_ms[0]!) / (whole_s * 1_000);
  return { ticks, speed };
}

/**
 * Writes the file of a replay.
 *
 * @param load What is to come of it.
 * @param dir Where.
 * @throws Error where the day is not there.
 */
export async function writeScaledReplay(
  load: LoadRate,
  dir: string,
): Promise<{ path: string; speed: number }> {
  if (!hasSharedData()) {
    throw new Error(
      `The scenario replay needs ${
        sharedFile(SET)
      }, which is not here: put the market data there, ` +
        "or take --scenario feed",
    );
  }
  const day = (await readTickLines(SET)).map((line) => {
    const at = line.indexOf(",");
    return { symbol: line.slice(0, at), rest: line.slice(at), time_ms: Number(line.split(",")[1]) };
  }).filter(({ time_ms }) => time_ms >= OPENING_MS);
  const { ticks, speed } = scalingOf(load, day.map(({ time_ms }) => time_ms));
  const path = `${dir}/load.csv`;
  using file = await Deno.open(path, { write: true, createNew: true });
  const writer = file.writable.getWriter();
  const encoder = new TextEncoder();
  const from_ms = day[0]!.time_ms;
  let lines = [HEADER];
  let written = 0;
  for (const { symbol, rest, time_ms } of day.slice(0, ticks)) {
    // A tick is due at its own time: whoever comes after a gap makes up for it by more names.
    const due = ticksDue(load, (time_ms - from_ms) / speed / 1_000);
    for (let copy = 0; written < due; copy++, written++) lines.push(`${symbol}.${copy}${rest}`);
    if (lines.length >= WRITTEN_LINES) {
      await writer.write(encoder.encode(lines.join("\n") + "\n"));
      lines = [];
    }
  }
  await writer.write(encoder.encode(lines.join("\n") + "\n"));
  await writer.close();
  return { path, speed };
}
