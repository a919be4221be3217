/** The options of `deno task start`. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { StartFault } from "./start_fault.ts";

export const USAGE = `deno task start [options]

Runs all of Tapeline on this machine: Kafka, Postgres and the services.

  --source NAMES    where ticks come from: simulator (default), replay, finnhub, http; several
                    parted by commas
  --file FILE       the CSV or CSV.gz that is replayed; --source replay is then understood
  --speed SPEED     of a replay: realtime (default), a factor such as 60, or max
  --sample          replay one random record of the file a second
  --again           replay a file that is already in once more
  --until-drained   end when the source has ended and everything is stored; print the ledger, and
                    exit with 0 only if it balances
  --traces          follow ticks: run Jaeger too, and send it the services' spans
  --data-dir DIR    where data, logs and endpoints.json are kept (.tapeline)
  --help            this

KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL, where set, name servers to use instead of starting them.
Ctrl-C stops everything in order; a second one stops it at once.`;

/** Options as given. */
export interface StartOptions {
  help: boolean;
  /** Absolute path. */
  data_dir: string;
  until_drained: boolean;
  /** What the options say in terms of variables. */
  variables: { [variable: string]: string };
}

/**
 * Reads the options.
 *
 * @param args As given on the command line.
 * @param environment Sets what the options leave open.
 * @throws StartFault with the usage if they make no sense.
 */
export function parseOptions(
  args: readonly string[],
  environment: { readonly [variable: string]: string | undefined } = {},
): StartOptions {
  const given = parseGiven(args);
  const variables: { [variable: string]: string } = {};
  const source = given.source ?? (given.file === undefined ? undefined : "replay");
  if (source !== undefined) variables.TAPELINE_SOURCE = source;
  if (given.file !== undefined) variables.TAPELINE_REPLAY_FILE = resolve(given.file);
  if (given.speed !== undefined) variables.TAPELINE_REPLAY_SPEED = given.speed;
  if (given.sample) variables.TAPELINE_REPLAY_SAMPLE = "true";
  if (given.traces) variables.TAPELINE_TRACES = "true";
  if (given.again) variables.TAPELINE_REPLAY_AGAIN = "true";

  const sources = (source ?? environment.TAPELINE_SOURCE ?? "simulator").split(",");
  if (given.until_drained && sources.some((name) => name.trim() !== "replay")) {
    throw refused(
      `--until-drained waits for the end of the source, and ${sources.join(",")} has none: ` +
        "use it with --source replay --file FILE",
    );
  }
  if (given.until_drained && given.traces) {
    throw refused(
      "--traces runs Jaeger to look at, and --until-drained ends it with the rest: leave out one of " +
        "the two, or name a collector of your own by TAPELINE_TRACE_ENDPOINT instead of --traces",
    );
  }
  const is_sample = given.sample || environment.TAPELINE_REPLAY_SAMPLE === "true";
  if (given.until_drained && is_sample) {
    throw refused(
      "--until-drained waits for the end of the source, and a sample has none: leave out " +
        "--until-drained, or --sample (TAPELINE_REPLAY_SAMPLE) to replay the file to its end",
    );
  }
  const not_of_sample = given.speed !== undefined ? "speed" : given.again ? "again" : null;
  if (is_sample && not_of_sample !== null) {
    throw refused(
      `--${not_of_sample} belongs to a replay of the whole file, and --sample sends one random ` +
        "record a second for ever: leave out one of the two",
    );
  }
  const replay_only = (["file", "speed", "sample", "again"] as const)
    .find((name) => given[name] !== undefined && given[name] !== false);
  if (replay_only !== undefined && !sources.some((name) => name.trim() === "replay")) {
    throw refused(`--${replay_only} belongs to --source replay, and the source is ${sources}`);
  }
  return {
    help: given.help,
    data_dir: resolve(given.data_dir),
    until_drained: given.until_drained,
    variables,
  };
}

interface GivenOptions {
  source?: string | undefined;
  file?: string | undefined;
  speed?: string | undefined;
  sample: boolean;
  again: boolean;
  traces: boolean;
  until_drained: boolean;
  data_dir: string;
  help: boolean;
}

function parseGiven(args: readonly string[]): GivenOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        source: { type: "string" },
        file: { type: "string" },
        speed: { type: "string" },
        sample: { type: "boolean", default: false },
        again: { type: "boolean", default: false },
        traces: { type: "boolean", default: false },
        "until-drained": { type: "boolean", default: false },
        "data-dir": { type: "string", default: ".tapeline" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const { "until-drained": until_drained, "data-dir": data_dir, ...rest } = values;
    return { ...rest, until_drained, data_dir };
  } catch (error) {
    throw refused((error as Error).message);
  }
}

function refused(message: string): StartFault {
  return new StartFault(`${message}\n\n${USAGE}`);
}
