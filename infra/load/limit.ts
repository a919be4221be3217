/** Which part of the platform gives way first, told from its figures at that moment. Pure. */
import {
  BEHIND_AT_END,
  DOOR_DURATION,
  DOOR_FAILED,
  EVENT_TO_ROW,
} from "../../load-tests/targets.ts";

/** What was measured over the last seconds; null where nothing was. */
export interface LoadFigures {
  /** Ticks that Kafka has confirmed, a second. */
  ticks_per_s: number;
  door_p95_ms: number | null;
  door_failed_ratio: number | null;
  /** Requests that were due and could not be sent, a second. */
  dropped_per_s: number | null;
  event_to_row_p99_s: number | null;
  /** By consumer group, which has its service's name. */
  seconds_behind: { readonly [group: string]: number };
  /** Cores by part: services, servers, k6. */
  cores: { readonly [part: string]: number };
  /** Cores that all processes of the machine use, and those that it has; null where it does not tell. */
  machine: { busy: number; cores: number } | null;
}

/** Where a load broke a promise. */
export interface Limit {
  ticks_per_s: number;
  /** A sentence: the rate, the promise, the part. */
  sentence: string;
}

/** A service is one thread: from here on it is at the end of its core. */
const CORE_FULL = 0.85;
const MACHINE_FULL = 0.9;

/**
 * Says which promise is not kept and which part is the limit.
 *
 * @param figures What was measured.
 * @returns Null while every promise is kept.
 */
export function limitOf(figures: LoadFigures): Limit | null {
  const broken = brokenPromise(figures);
  if (broken === null) return null;
  const ticks_per_s = Math.round(figures.ticks_per_s);
  return {
    ticks_per_s,
    sentence: `At ${ticks_per_s} ticks/s ${broken.what}: ` +
      `the limit was ${limitingPart(broken.suspect, figures)}.`,
  };
}

/** What is not kept, and the part that it is seen at. */
function brokenPromise(figures: LoadFigures): { what: string; suspect: string } | null {
  const { door_p95_ms, door_failed_ratio, dropped_per_s, event_to_row_p99_s } = figures;
  const [group, behind_s] = Object.entries(figures.seconds_behind)
    .reduce<[string, number]>((most, each) => each[1] > most[1] ? each : most, ["", 0]);
  // What comes first on a tick's way is named first: what is behind it may only follow from it.
  const is_slow = door_p95_ms !== null && door_p95_ms > DOOR_DURATION.at_most;
  if (door_failed_ratio !== null && door_failed_ratio > DOOR_FAILED.at_most) {
    const share = (door_failed_ratio * 100).toPrecision(2);
    return { what: `${share} % of the requests failed`, suspect: "producer" };
  }
  if (is_slow) {
    const most = DOOR_DURATION.at_most;
    return {
      what: `the slowest 5 % of the requests took ${door_p95_ms.toFixed(1)} ms (${most} may)`,
      suspect: "producer",
    };
  }
  if (dropped_per_s !== null && dropped_per_s > 0) {
    return {
      what:
        `k6 could not send ${dropped_per_s.toFixed(1)} requests a second that were due, while ` +
        "the door answered in time",
      suspect: "k6",
    };
  }
  if (behind_s > BEHIND_AT_END.at_most) {
    return { what: `the ${group} was ${behind_s.toFixed(1)} s behind`, suspect: group };
  }
  if (event_to_row_p99_s !== null && event_to_row_p99_s > EVENT_TO_ROW.at_most) {
    return {
      what: `the slowest 1 % of the ticks took ${event_to_row_p99_s.toFixed(2)} s to be rows`,
      suspect: "sink",
    };
  }
  return null;
}

/** The suspect, where it is at the end of its core; else what it has too little of. */
function limitingPart(suspect: string, { cores, machine }: LoadFigures): string {
  const used = cores[suspect];
  const is_full = (part: string): boolean => (cores[part] ?? 0) >= CORE_FULL;
  const named = nameOf(suspect);
  if (is_full(suspect)) return `${named}, which uses ${used!.toFixed(2)} of a core`;
  if (machine !== null && machine.busy >= MACHINE_FULL * machine.cores) {
    const most = Object.entries(cores).sort(([, left], [, right]) => right - left).slice(0, 5)
      .map(([part, each]) => `${part} ${each.toFixed(2)}`).join(", ");
    const by_parts = Object.values(cores).reduce((sum, each) => sum + each, 0);
    const others = Math.max(0, machine.busy - by_parts).toFixed(2);
    return `the machine, whose ${machine.cores} cores are busy (${most}, all else ${others}), and ` +
      `${named} with it`;
  }
  const full = Object.keys(cores).filter((part) => part !== "k6").find(is_full);
  if (full !== undefined) {
    return `${nameOf(full)}, which uses ${cores[full]!.toFixed(2)} of a core and holds ${named} up`;
  }
  if (used === undefined) return named;
  return `${named}, though it uses ${used.toFixed(2)} of a core only: it waits for others`;
}

function nameOf(part: string): string {
  return part === "k6" ? "k6 itself, which has too few virtual users" : `the ${part}`;
}
