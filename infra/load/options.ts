/** The options of `deno task load`. */
import { parseArgs } from "node:util";
import { DURATIONS_S, type Kind, KINDS } from "../../load-tests/kinds.ts";
import { LOAD_SCENARIOS, type ScenarioName } from "./scenarios.ts";

export const USAGE = `deno task load [--kind KIND] [--scenario NAME] [--ticks-per-s N]

Loads a platform of its own with k6, and fails where a promise of load-tests/targets.ts is not kept.

  --kind KIND        smoke (20 s, default), average (5 min), spike (2 min 30 s), soak (30 min),
                     breakpoint (10 min at most; ends where a promise is not kept, and says which part
                     was the limit)
  --scenario NAME    ingest (default): callers of POST /ticks; feed: the simulator, no HTTP in the way;
                     mixed: half of each; replay: a day of trades, scaled up by symbols
  --ticks-per-s N    the load; of a spike and a breakpoint, what it begins with
  --duration N       seconds, instead of the kind's own
  --data-dir DIR     where the platform keeps its data, and where the report goes (.tapeline/load)
  --help             this

Exit code: 0 all was kept, 1 it was not, 2 it could not be run.`;

/** An average load is this at least, ticks a second. */
const AVERAGE_TICKS_PER_S_MIN = 5_000;
const FIRST_TICKS_PER_S = 1_000;

/** What to run. */
export interface LoadOptions {
  kind: Kind;
  scenario: ScenarioName;
  /** Null: the kind's own. */
  ticks_per_s: number | null;
  duration_s: number;
  data_dir: string;
}

/**
 * Reads the options.
 *
 * @param args As given on the command line.
 * @returns Null where help is asked for.
 * @throws Error that says which option makes no sense, and what would.
 */
export function parseLoadOptions(args: readonly string[]): LoadOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kind: { type: "string", default: "smoke" },
      scenario: { type: "string", default: "ingest" },
      "ticks-per-s": { type: "string" },
      duration: { type: "string" },
      "data-dir": { type: "string", default: ".tapeline/load" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const kind = oneOf(KINDS, "kind", values.kind);
  const names = Object.keys(LOAD_SCENARIOS) as ScenarioName[];
  const scenario = oneOf(names, "scenario", values.scenario);
  if (!(LOAD_SCENARIOS[scenario].kinds as readonly Kind[]).includes(kind)) {
    throw new Error(
      `--kind ${kind} changes the rate, and the simulator of --scenario ${scenario} has but one: ` +
        "take --scenario replay, or ingest",
    );
  }
  return {
    kind,
    scenario,
    ticks_per_s: wholeNumber("ticks-per-s", values["ticks-per-s"], 100),
    // Shorter than this, and Prometheus has no two looks to take a rate from.
    duration_s: wholeNumber("duration", values.duration, kind === "spike" ? 60 : 20) ??
      DURATIONS_S[kind],
    data_dir: values["data-dir"],
  };
}

/**
 * The rate of a load that was given none.
 *
 * @param kind How it goes over time.
 * @param breakpoint_ticks_per_s Where the platform gave way; null where that is not known.
 */
export function usualRate(kind: Kind, breakpoint_ticks_per_s: number | null): number {
  if (kind !== "average" && kind !== "soak") return FIRST_TICKS_PER_S;
  return Math.max(AVERAGE_TICKS_PER_S_MIN, Math.round((breakpoint_ticks_per_s ?? 0) / 2));
}

function wholeNumber(option: string, given: string | undefined, least: number): number | null {
  if (given === undefined) return null;
  const value = Number(given);
  if (given.trim() !== "" && Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`--${option} must be a whole number from ${least} on, and is ${given}`);
}

function oneOf<Value extends string>(
  values: readonly Value[],
  option: string,
  given: string,
): Value {
  const found = values.find((value) => value === given);
  if (found !== undefined) return found;
  throw new Error(`--${option} must be one of ${values.join(", ")}, and is ${given}`);
}
