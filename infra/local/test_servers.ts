/** Real servers for tests: started as `deno task start` does, in a directory that goes away. */
import { type LocalKafka, startKafka } from "./kafka_server.ts";
import { type LocalPostgres, startPostgres } from "./postgres_server.ts";
import { isSameProcess, processIdentity } from "./process_identity.ts";
import { ignoreNotFound, writeAtomically } from "./files.ts";
import { stopOrphans } from "./run_note.ts";

const PREFIX = "tapeline-test-";

/** Which servers a test needs. */
export interface TestServerOptions {
  kafka?: boolean;
  postgres?: boolean;
}

/** The servers of a test; asking for one that was not started is an error. */
export interface TestServers {
  data_dir: string;
  kafka: LocalKafka;
  postgres: LocalPostgres;
  /** host:port of Kafka. */
  bootstrap: string;
  /** URL of the database `tapeline`. */
  database_url: string;
  /** Makes an empty database and gives its URL. */
  newDatabase(): Promise<string>;
}

/**
 * Runs a test with real servers, and stops them and removes their data whatever comes of it.
 * If the test process itself is killed, the next call finds what it left and does the same.
 *
 * @param options Which servers.
 * @param test What to do with them.
 * @returns What the test returns.
 */
export async function withServers<Result>(
  options: TestServerOptions,
  test: (servers: TestServers) => Promise<Result>,
): Promise<Result> {
  await removeAbandoned();
  return await withTestDirectory(async (data_dir) => {
    const [kafka, postgres] = await startBoth(data_dir, options);
    let databases = 0;
    try {
      return await test({
        data_dir,
        get kafka() {
          return kafka ?? notAskedFor("kafka");
        },
        get postgres() {
          return postgres ?? notAskedFor("postgres");
        },
        get bootstrap() {
          return this.kafka.bootstrap;
        },
        get database_url() {
          return this.postgres.database_url;
        },
        newDatabase() {
          return this.postgres.createDatabase(`test_${++databases}`);
        },
      });
    } finally {
      await Promise.all([kafka?.stop(), postgres?.stop()]);
    }
  });
}

/**
 * Gives a test a directory of its own; whatever servers still run there in the end are stopped, and
 * it is removed.
 *
 * @param test What to do with it.
 */
export async function withTestDirectory<Result>(
  test: (data_dir: string) => Promise<Result>,
): Promise<Result> {
  const data_dir = await Deno.makeTempDir({ prefix: PREFIX });
  const identity = await processIdentity(Deno.pid);
  await writeAtomically(`${data_dir}/owner.json`, JSON.stringify({ pid: Deno.pid, identity }));
  try {
    return await test(data_dir);
  } finally {
    await stopOrphans(data_dir);
    await Deno.remove(data_dir, { recursive: true });
  }
}

/** Starts what is asked for; if one fails, the other is stopped before the error goes on. */
async function startBoth(
  data_dir: string,
  options: TestServerOptions,
): Promise<[LocalKafka | null, LocalPostgres | null]> {
  const progress = (): void => {};
  const [kafka, postgres] = await Promise.allSettled([
    options.kafka
      ? startKafka({ data_dir, port: null, progress, stopping: new AbortController().signal })
      : null,
    options.postgres ? startPostgres({ data_dir, port: null }) : null,
  ]);
  for (const outcome of [kafka, postgres]) {
    if (outcome.status === "rejected") {
      await stopOrphans(data_dir);
      throw outcome.reason;
    }
  }
  return [fulfilled(kafka), fulfilled(postgres)];
}

function fulfilled<Value>(outcome: PromiseSettledResult<Value>): Value {
  if (outcome.status === "rejected") throw outcome.reason;
  return outcome.value;
}

function notAskedFor(name: "kafka" | "postgres"): never {
  throw new Error(`The test uses ${name} and has not asked for it: withServers({ ${name}: true })`);
}

/** Stops the servers and removes the directories of test processes that were killed. */
async function removeAbandoned(): Promise<void> {
  const temp_dir = (Deno.env.get("TMPDIR") ?? "/tmp").replace(/\/$/, "");
  for await (const entry of Deno.readDir(temp_dir)) {
    if (!entry.name.startsWith(PREFIX)) continue;
    const data_dir = `${temp_dir}/${entry.name}`;
    const owner = await ownerOf(data_dir);
    if (owner === null || await isSameProcess(owner.pid, owner.identity)) continue;
    try {
      await stopOrphans(data_dir);
      await Deno.remove(data_dir, { recursive: true }).catch(ignoreNotFound);
    } catch (error) {
      throw new Error(
        `Cannot clear up ${data_dir}, which a killed test has left: ${(error as Error).message}; ` +
          `remove it by hand`,
        { cause: error },
      );
    }
  }
}

/** Null while the directory is being made, or when it has just been removed. */
async function ownerOf(data_dir: string): Promise<{ pid: number; identity: string } | null> {
  try {
    return JSON.parse(await Deno.readTextFile(`${data_dir}/owner.json`));
  } catch (error) {
    ignoreNotFound(error);
    return null;
  }
}
