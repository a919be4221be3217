/** For proofs: all of Tapeline, run as a user runs it, on servers that outlive the run. */
import { withDeadline } from "../../runtime/backoff.ts";
import { type Database, openDatabase } from "../../runtime/database.ts";
import { ROOT } from "../conformance/source_files.ts";
import { type TestServers, withServers } from "../local/test_servers.ts";

/** Longest time for one run of all of it. */
const RUN_DEADLINE_MS = 180_000;

/** What a run came to. */
export interface RunOutcome {
  code: number;
  /** Standard output and error. */
  output: string;
}

/** Servers, and how to run all of Tapeline on them and to look at what came of it. */
export interface Proof {
  servers: TestServers;
  database: Database;
  /**
   * `deno task start` with these arguments, to its end.
   *
   * @param arguments_ Its arguments.
   * @param environment Settings beside the servers.
   */
  run(arguments_: readonly string[], environment?: Variables): Promise<RunOutcome>;
  /** The same, under way. Whoever calls sees to its end. */
  start(arguments_: readonly string[], environment?: Variables): StartedRun;
}

type Variables = { [variable: string]: string };

/** A run under way. */
export interface StartedRun {
  pid: number;
  output(): string;
  /** Resolves with what it came to. */
  ended: Promise<RunOutcome>;
  signal(signal: Deno.Signal): void;
  /** Ends it in order where it has not ended yet. */
  stop(): Promise<void>;
}

/**
 * Gives a proof its servers: a real Kafka and a real Postgres, both empty.
 *
 * @param prove What to do with them.
 */
export async function withProof<Result>(prove: (proof: Proof) => Promise<Result>): Promise<Result> {
  return await withServers({ kafka: true, postgres: true }, async (servers) => {
    const database = openDatabase({
      url: servers.database_url,
      application_name: "proof",
      pool_size: 2,
      statement_timeout_ms: 60_000,
    });
    const started: StartedRun[] = [];
    const start = (arguments_: readonly string[], environment: Variables = {}): StartedRun => {
      const run = startRun(
        [...arguments_, "--data-dir", `${servers.data_dir}/run`],
        {
          KAFKA_BOOTSTRAP_SERVERS: servers.bootstrap,
          DATABASE_URL: servers.database_url,
          ...environment,
        },
      );
      started.push(run);
      return run;
    };
    try {
      return await prove({
        servers,
        database,
        start,
        run: async (arguments_, environment) => await start(arguments_, environment).ended,
      });
    } finally {
      for (const run of started) await run.stop();
      await database.close();
    }
  });
}

/**
 * Runs `deno task start`'s program.
 *
 * @param arguments_ Its arguments.
 * @param environment Variables beside those of this process.
 */
export function startRun(arguments_: readonly string[], environment: Variables): StartedRun {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "infra/local/start.ts", ...arguments_],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...environment },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  const follow = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) output += text;
  };
  let is_over = false;
  const over = Promise.all([child.status, follow(child.stdout), follow(child.stderr)])
    .then(([{ code }]) => {
      is_over = true;
      return { code, output };
    });
  const ended = withDeadline(over, RUN_DEADLINE_MS, "A run of deno task start").catch(
    async (error) => {
      child.kill("SIGKILL");
      await over;
      throw new Error(`${(error as Error).message}. It wrote:\n${output}`, { cause: error });
    },
  );
  return {
    pid: child.pid,
    output: () => output,
    ended,
    signal: (signal) => child.kill(signal),
    async stop() {
      if (!is_over) child.kill("SIGTERM");
      await ended;
    },
  };
}
