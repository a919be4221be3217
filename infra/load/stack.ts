/** A platform of its own for a load: as `deno task start` runs it, in a directory that is new. */
import { sleep, withDeadline } from "../../runtime/backoff.ts";
import type { Environment } from "../../runtime/config.ts";
import { findServers } from "../find_servers.ts";
import { linesOf } from "../local/lines.ts";
import { takeLock } from "../local/lock.ts";
import type { PartStatus } from "../local/part.ts";
import { stopNamed } from "../local/run_note.ts";
import type { Progress } from "../local/start_fault.ts";

const START = new URL("../local/start.ts", import.meta.url).pathname;
/** Prometheus is built the first time. */
const READY_DEADLINE_MS = 15 * 60_000;
const STOP_DEADLINE_MS = 30_000;
const SOURCE_END_DEADLINE_MS = 10_000;
const LOOK_INTERVAL_MS = 100;
const SHOWN_LINES = 20;

/** What to run. */
export interface StackOptions {
  data_dir: string;
  sources: readonly string[];
  environment: { [variable: string]: string };
}

/** A running platform. */
export interface LoadedStack {
  data_dir: string;
  /** Its supervisor, from which all its processes descend. */
  pid: number;
  /** Null where no source is one. */
  door_url: string | null;
  prometheus_url: string;
  /** With its servers in it. */
  environment: Environment;
  /** Stops the producer in order, so that nothing comes any more: the others go on. */
  endSource(): Promise<void>;
}

/**
 * Runs something with a platform, and stops it whatever comes of it.
 *
 * @param options Where it keeps its data (what an earlier load left there goes), where its ticks come
 *   from, and its settings.
 * @param tell Told what the start says.
 * @param stopping Ends the wait for it.
 * @param use What to do with it.
 */
export async function withStack<Result>(
  { data_dir, sources, environment }: StackOptions,
  tell: Progress,
  stopping: AbortSignal,
  use: (stack: LoadedStack) => Promise<Result>,
): Promise<Result> {
  await clear(data_dir);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", START, "--data-dir", data_dir, "--source", sources.join()],
    env: { TAPELINE_OBSERVE: "true", ...environment },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines: string[] = [];
  const watched = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const line of linesOf(child.stdout)) {
      lines.push(line);
      if (line.startsWith("prometheus")) tell(line);
      if (line.startsWith("prometheus runs")) watched.resolve();
    }
    watched.reject(new Error(`The platform has ended:\n${lines.slice(-SHOWN_LINES).join("\n")}`));
  })();
  stopping.addEventListener("abort", () => watched.reject(stopping.reason), { once: true });
  try {
    tell("starting a platform to load");
    await withDeadline(watched.promise, READY_DEADLINE_MS, "Starting the platform");
    const endpoints: { [name: string]: string } = JSON.parse(
      await Deno.readTextFile(`${data_dir}/endpoints.json`),
    );
    return await use({
      data_dir,
      pid: child.pid,
      door_url: endpoints.producer_http ?? null,
      prometheus_url: endpoints.prometheus!,
      environment: await findServers(data_dir, {}, ["kafka", "postgres"]),
      endSource: () => endSource(data_dir, endpoints.supervisor!),
    });
  } finally {
    watched.promise.catch(() => {});
    stop(child);
    await withDeadline(child.status, STOP_DEADLINE_MS, "Stopping the platform");
    await reading;
  }
}

/** Removes what an earlier load left; not below the feet of one that still runs. */
async function clear(data_dir: string): Promise<void> {
  using _lock = await takeLock(data_dir);
  await Deno.remove(data_dir, { recursive: true });
}

/** A source that stops in order has come to its end: the supervisor does not start it again. */
async function endSource(data_dir: string, supervisor_url: string): Promise<void> {
  await stopNamed(data_dir, "producer");
  const give_up_at_ms = performance.now() + SOURCE_END_DEADLINE_MS;
  for (;;) {
    const response = await fetch(`${supervisor_url}/health`, {
      signal: AbortSignal.timeout(SOURCE_END_DEADLINE_MS),
    });
    const { parts }: { parts: PartStatus[] } = await response.json();
    const state = parts.find(({ name }) => name === "producer")?.state;
    if (state === "ended") return;
    if (performance.now() > give_up_at_ms) {
      throw new Error(`The producer is ${state} after its stop: see ${data_dir}/logs/producer.log`);
    }
    await sleep(LOOK_INTERVAL_MS);
  }
}

function stop(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGTERM");
  } catch (error) {
    // It has ended already.
    if (!(error instanceof TypeError)) throw error;
  }
}
