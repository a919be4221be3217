/**
 * `deno task start` to the first candle in Postgres, as a person waits for it: warm, where all is
 * installed, with a new data directory and with one of before; and cold, from a fresh clone with an
 * empty home directory and an empty cache, where all that is missing is fetched first.
 */
import { dirname, resolve } from "node:path";
import { sleep, withDeadline } from "../../runtime/backoff.ts";
import { withDatabase } from "../../services/sink/sink_test_data.ts";
import { ignoreNotFound } from "../local/files.ts";
import { withTestDirectory } from "../local/test_servers.ts";
import type { Benchmark, BenchmarkContext, Outcome, Run, Subject } from "./benchmark.ts";
import { inTurns } from "./benchmark.ts";
import { followCpu } from "./process_cpu.ts";

const REPOSITORY = resolve(import.meta.dirname!, "../..");
const LOOK_INTERVAL_MS = 20;
const WARM_DEADLINE_MS = 120_000;
const COLD_DEADLINE_MS = 900_000;
const STOP_DEADLINE_MS = 60_000;
/** As many as the simulator has by default. */
const SYMBOLS = 5;

/** What says where packages come from and whom to trust: a machine's own, no part of a cache. */
const REGISTRY_VARIABLES = [
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"],
  ...["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "DENO_CERT", "DENO_TLS_CA_STORE"],
  ...["NPM_CONFIG_REGISTRY", "MAVEN_OPTS", "MAVEN_ARGS", "GOPROXY", "GOSUMDB", "JAVA_HOME"],
];
const REGISTRY_FILES = [".npmrc", ".m2/settings.xml", ".config/go/env"];

/** One start. */
interface StartRun {
  /** The checkout. */
  repository: string;
  data_dir: string;
  /** The whole environment. */
  environment: { [variable: string]: string };
  /** No other start in this data directory has these: a candle of one of them is of this start. */
  symbol_prefix: string;
  deadline_ms: number;
}

async function measureStart(
  { repository, data_dir, environment, symbol_prefix, deadline_ms }: StartRun,
): Promise<Omit<Run, "subject" | "round">> {
  const symbols = Array.from({ length: SYMBOLS }, (_, at) => `${symbol_prefix}${at}`);
  const started_at_ms = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "start", "--data-dir", data_dir],
    cwd: repository,
    env: { ...environment, STOCK_SYMBOLS: symbols.join(","), NO_COLOR: "1" },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let is_over = false;
  const outcome = child.output().finally(() => is_over = true);
  const cpu = followCpu({ all: child.pid });
  const assertRuns = async (): Promise<void> => {
    if (!is_over) return;
    const { stdout, stderr } = await outcome;
    const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
    throw new Error(`deno task start has ended before there was a candle:\n${said}`);
  };
  try {
    const candle = async (): Promise<number> => {
      const url = await postgresUrl(data_dir, assertRuns);
      const endpoints_at_ms = performance.now();
      await untilCandle(url, symbols, assertRuns);
      return endpoints_at_ms;
    };
    const endpoints_at_ms = await withDeadline(candle(), deadline_ms, "The first candle");
    return {
      work: 1,
      wall_seconds: (performance.now() - started_at_ms) / 1_000,
      cpu_seconds: cpu.seconds(),
      figures: { ready_seconds: (endpoints_at_ms - started_at_ms) / 1_000 },
    };
  } finally {
    cpu.stop();
    if (!is_over) child.kill("SIGTERM");
    await withDeadline(outcome, STOP_DEADLINE_MS, "Stopping what deno task start runs");
  }
}

/** Waits for endpoints.json of a start that had none. */
async function postgresUrl(data_dir: string, assertRuns: () => Promise<void>): Promise<string> {
  for (;; await sleep(LOOK_INTERVAL_MS)) {
    await assertRuns();
    const text = await Deno.readTextFile(`${data_dir}/endpoints.json`).catch(ignoreNotFound);
    if (text) return JSON.parse(text).postgres;
  }
}

async function untilCandle(
  url: string,
  symbols: string[],
  assertRuns: () => Promise<void>,
): Promise<void> {
  await withDatabase(url, async ({ sql }) => {
    for (;; await sleep(LOOK_INTERVAL_MS)) {
      await assertRuns();
      const found = await sql`SELECT FROM candles WHERE symbol IN ${sql(symbols)} LIMIT 1`;
      if (found.length > 0) return;
    }
  }, 1);
}

/** A fresh clone of what is committed, and the environment of somebody who has nothing yet. */
async function freshClone(
  directory: string,
): Promise<Pick<StartRun, "repository" | "environment">> {
  const repository = `${directory}/clone`;
  // Where root starts it, Postgres runs as somebody else, who must get at the clone's programs.
  await Deno.chmod(directory, 0o755);
  const { success, stderr } = await new Deno.Command("git", {
    args: ["clone", "--quiet", REPOSITORY, repository],
  }).output();
  if (!success) {
    throw new Error(`Cannot clone ${REPOSITORY}: ${new TextDecoder().decode(stderr)}`);
  }
  const home = `${directory}/home`;
  const outer = Deno.env.toObject();
  for (const name of REGISTRY_FILES) {
    await Deno.mkdir(dirname(`${home}/${name}`), { recursive: true });
    await Deno.copyFile(`${outer.HOME}/${name}`, `${home}/${name}`).catch(ignoreNotFound);
  }
  const known = REGISTRY_VARIABLES.filter((name) => outer[name] !== undefined);
  return {
    repository,
    environment: {
      ...Object.fromEntries(known.map((name) => [name, outer[name]!])),
      HOME: home,
      DENO_DIR: `${home}/deno`,
      PATH: outer.PATH ?? "",
    },
  };
}

/** Runs the benchmark. */
export async function benchStart(context: BenchmarkContext): Promise<Outcome> {
  return await withTestDirectory(async (directory) => {
    const here = {
      repository: REPOSITORY,
      environment: Deno.env.toObject(),
      deadline_ms: WARM_DEADLINE_MS,
    };
    let runs_of_kept = 0;
    const kept_dir = `${directory}/kept`;
    const again = (): ReturnType<Subject["run"]> =>
      measureStart({ ...here, data_dir: kept_dir, symbol_prefix: `RUN${runs_of_kept++}N` });
    const warm: Subject = {
      name: "warm",
      run: (name) =>
        measureStart({ ...here, data_dir: `${directory}/${name}`, symbol_prefix: "NEW" }),
    };
    const kept: Subject = { name: "warm, data of before", run: again };
    const cold: Subject = {
      name: "cold",
      async run() {
        return await withTestDirectory(async (own) =>
          measureStart({
            ...await freshClone(own),
            data_dir: `${own}/data`,
            symbol_prefix: "NEW",
            deadline_ms: COLD_DEADLINE_MS,
          })
        );
      },
    };
    context.tell("a first start, which counts for nothing: it makes the data of before");
    await again();
    const runs = await inTurns([warm, kept, cold], context);
    const judged = "from the command to the first candle row of its own symbols; CPU of all that " +
      "it starts, up to then";
    return {
      settings: {
        "warm": ["everything is installed; a new data directory", judged],
        "warm, data of before": ["everything is installed; a data directory of before", judged],
        "cold": [
          "a fresh clone of the commit, an empty home directory and an empty DENO_DIR; all packages " +
          "are fetched",
          judged,
        ],
      },
      runs,
    };
  });
}

export const START: Benchmark = { name: "start", run: benchStart };
