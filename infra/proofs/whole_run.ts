/** For proofs: all of Tapeline, run as a user runs it, on servers that outlive the run. */
import { withDeadline } from "../../runtime/backoff.ts";
import { type Database, openDatabase } from "../../runtime/database.ts";
import { type RunningStart, runStart } from "../local/test_start.ts";
import { type TestServers, withServers } from "../local/test_servers.ts";

/** Longest time for one run of all of it. */
const RUN_DEADLINE_MS = 180_000;

/** Servers, and how to run all of Tapeline on them and to look at what came of it. */
export interface Proof {
  servers: TestServers;
  database: Database;
  /** `deno task start` with these arguments: under way, to be ended by whoever calls. */
  start(arguments_: readonly string[], environment?: Variables): RunningStart;
  /** The same, to its end. */
  run(arguments_: readonly string[], environment?: Variables): Promise<Outcome>;
}

/** Variables by name. */
export type Variables = { [variable: string]: string };

/** What a run came to. */
export interface Outcome {
  code: number;
  /** Standard output and error. */
  output: string;
}

/**
 * Waits for the end of a run.
 *
 * @throws Error with what it wrote, when it takes too long.
 */
export async function outcomeOf(run: RunningStart): Promise<Outcome> {
  try {
    const { code } = await withDeadline(run.ended(), RUN_DEADLINE_MS, "A run of deno task start");
    return { code, output: run.output() };
  } catch (error) {
    throw new Error(`${(error as Error).message}. It wrote:\n${run.output()}`, { cause: error });
  }
}

/** SIGTERM, and the end; a run that has ended is left as it is. */
export async function stopRun(run: RunningStart): Promise<Outcome> {
  try {
    run.signal("SIGTERM");
  } catch (error) {
    // It has ended already.
    if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
  }
  return await outcomeOf(run);
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
    const started: RunningStart[] = [];
    const start = (arguments_: readonly string[], environment: Variables = {}): RunningStart => {
      const run = runStart(`${servers.data_dir}/run`, arguments_, {
        NO_COLOR: "1",
        KAFKA_BOOTSTRAP_SERVERS: servers.bootstrap,
        DATABASE_URL: servers.database_url,
        ...environment,
      });
      started.push(run);
      return run;
    };
    try {
      return await prove({
        servers,
        database,
        start,
        run: async (arguments_, environment) => await outcomeOf(start(arguments_, environment)),
      });
    } finally {
      for (const run of started) await stopRun(run);
      await database.close();
    }
  });
}
