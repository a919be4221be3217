/** Runs `deno task start` as a person does, for tests. */
import assert from "node:assert/strict";
import postgres from "postgres";
import { sleep, withDeadline } from "../../runtime/backoff.ts";
import type { DiskStatus } from "./disk_room.ts";
import { ignoreNotFound } from "./files.ts";
import { linesOf } from "./lines.ts";
import type { PartStatus } from "./part.ts";
import { processIdentity } from "./process_identity.ts";
import { seenBy } from "./test_small_disk.ts";

const START = new URL("./start.ts", import.meta.url).pathname;
const POLL_INTERVAL_MS = 200;

/** A start that runs; disposing of it ends it by SIGKILL if a test has failed before its end. */
export interface RunningStart extends AsyncDisposable {
  pid: number;
  /** All that it has written so far. */
  output(): string;
  /** Waits until its output holds a text; fails if it ends first. */
  says(text: string, deadline_ms?: number): Promise<void>;
  /** What endpoints.json says now. */
  endpoints(): Promise<{ [name: string]: string }>;
  /** The parts as its /health has them. */
  parts(): Promise<Map<string, PartStatus>>;
  /** The disk as its /health has it. */
  disk(): Promise<DiskStatus>;
  signal(signal: Deno.Signal): void;
  /** Waits for its end; fails if it does not come. */
  ended(deadline_ms?: number): Promise<{ code: number; elapsed_ms: number }>;
}

/**
 * Starts it on a data directory; its output is piped.
 *
 * @param data_dir The directory.
 * @param args More options.
 * @param env Variables on top of this process's.
 * @param prefix What goes before the command, as `onSmallDisk` gives it.
 */
export function runStart(
  data_dir: string,
  args: readonly string[] = [],
  env: { [variable: string]: string } = {},
  prefix: readonly string[] = [],
): RunningStart {
  const [program, ...rest] = [...prefix, Deno.execPath(), "run", "-A", START];
  const child = new Deno.Command(program!, {
    args: [...rest, "--data-dir", data_dir, ...args],
    // Few tests look at what watches; it has a test of its own.
    env: { TAPELINE_OBSERVE: "false", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const own_dir = prefix.length === 0 ? data_dir : seenBy(child.pid, data_dir);
  let output = "";
  let over = false;
  const reading = Promise.all([child.stdout, child.stderr].map(async (stream) => {
    for await (const line of linesOf(stream)) output += `${line}\n`;
  }));
  const status = child.status.then((status) => {
    over = true;
    return status;
  });
  const endpoints = async (): Promise<{ [name: string]: string }> =>
    JSON.parse(await Deno.readTextFile(`${own_dir}/endpoints.json`));
  const health = async (): Promise<{ parts: PartStatus[]; disk: DiskStatus }> =>
    await (await fetch(`${(await endpoints()).supervisor}/health`)).json();
  return {
    pid: child.pid,
    output: () => output,
    endpoints,
    async says(text, deadline_ms = 90_000) {
      await eventually(
        () => {
          if (over && !output.includes(text)) {
            throw new Error(`It has ended and never said ${JSON.stringify(text)}:\n${output}`);
          }
          return Promise.resolve(output.includes(text));
        },
        deadline_ms,
        () => `It has not said ${JSON.stringify(text)}:\n${output}`,
      );
    },
    parts: async () => new Map((await health()).parts.map((part) => [part.name, part])),
    disk: async () => (await health()).disk,
    signal: (signal) => child.kill(signal),
    async ended(deadline_ms = 120_000) {
      const started_at_ms = performance.now();
      const { code } = await withDeadline(status, deadline_ms, "The start").catch((error) => {
        throw new Error(`${error.message}:\n${output}`);
      });
      const elapsed_ms = performance.now() - started_at_ms;
      await reading;
      return { code, elapsed_ms };
    },
    async [Symbol.asyncDispose]() {
      if (!over) {
        // What is noted on a disk of its own is out of sight when the supervisor is gone.
        const noted = prefix.length === 0 ? [] : [...(await notedPids(own_dir)).values()];
        for (const pid of [child.pid, ...noted]) killIfAlive(pid);
      }
      await status;
      await reading;
    },
  };
}

function killIfAlive(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    ignoreNotFound(error);
  }
}

/** How many rows a table has. */
export async function storedRows(database_url: string, table = "ticks"): Promise<number> {
  const sql = postgres(database_url, { max: 1 });
  try {
    const [row] = await sql`SELECT count(*) FROM ${sql(table)}`;
    return Number(row!.count);
  } finally {
    await sql.end();
  }
}

/**
 * Waits until something is so.
 *
 * @param isSo Looks once.
 * @param deadline_ms How long to wait.
 * @param otherwise Says what is wrong, for the error.
 */
export async function eventually(
  isSo: () => Promise<boolean>,
  deadline_ms: number,
  otherwise: () => string,
  poll_interval_ms = POLL_INTERVAL_MS,
): Promise<void> {
  const give_up_at_ms = performance.now() + deadline_ms;
  while (!await isSo()) {
    if (performance.now() > give_up_at_ms) throw new Error(otherwise());
    await sleep(poll_interval_ms);
  }
}

/** The ids of the processes that a data directory's start has noted, by name. */
export async function notedPids(data_dir: string): Promise<Map<string, number>> {
  const pids = new Map<string, number>();
  for await (const { name } of Deno.readDir(`${data_dir}/run`)) {
    if (!name.endsWith(".json")) continue;
    pids.set(
      name.slice(0, -".json".length),
      JSON.parse(await Deno.readTextFile(`${data_dir}/run/${name}`)).pid,
    );
  }
  return pids;
}

/**
 * The living processes that belong to a data directory: those whose command line names it, and of
 * the given ones those that still live (Linux only, as the test machine is).
 *
 * @param data_dir The directory.
 * @param noted Ids that `notedPids` gave while it ran.
 */
export async function processesOf(data_dir: string, noted: Iterable<number>): Promise<number[]> {
  const pids = new Set(await livingOf(noted));
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    if (await mentions(`/proc/${name}/cmdline`, data_dir)) pids.add(Number(name));
  }
  return [...pids];
}

/** Those of the given ids that processes still have. */
export async function livingOf(pids: Iterable<number>): Promise<number[]> {
  const living: number[] = [];
  for (const pid of pids) if (await processIdentity(pid) !== null) living.push(pid);
  return living;
}

async function mentions(path: string, text: string): Promise<boolean> {
  try {
    return (await Deno.readTextFile(path)).includes(text);
  } catch {
    // The process has ended in this moment.
    return false;
  }
}

/** Fails unless nothing of a data directory runs, and no file says that something does. */
export async function assertNothingLeft(
  data_dir: string,
  noted: Iterable<number> = [],
): Promise<void> {
  assert.deepEqual(await processesOf(data_dir, noted), []);
  await assert.rejects(Deno.stat(`${data_dir}/endpoints.json`), Deno.errors.NotFound);
}
