/**
 * Servers as processes of their own session: Ctrl-C on the terminal does not reach them, and they
 * outlive a killed supervisor, so each is noted in <data-dir>/run/<name>.json where the next start
 * finds it.
 */
import { sleep } from "../../runtime/backoff.ts";
import { isSameProcess, processIdentity } from "./process_identity.ts";
import { StartFault } from "./start_fault.ts";

/** A log file larger than this at a server's start is set aside as `<name>.log.1`. */
export const LOG_BYTES_MAX = 50 * 1024 * 1024;

const POLL_INTERVAL_MS = 20;
/** How long the system may take to end a process after SIGKILL. */
const KILL_DEADLINE_MS = 5_000;

/** What to run. */
export interface ServerCommand {
  /** Names the log file and the note. */
  name: string;
  data_dir: string;
  command: string[];
  env?: Record<string, string>;
  /** The signal that makes it stop in order. */
  stop_signal: "SIGTERM" | "SIGINT";
  /** How long an ordered stop may take before SIGKILL. */
  stop_deadline_ms: number;
}

/** A server that was started here. */
export interface ServerProcess {
  name: string;
  pid: number;
  log_path: string;
  /** Where this run's part of the log file starts, bytes. */
  log_offset: number;
  /** Settles when the process has ended, for whatever reason. */
  ended: Promise<Deno.CommandStatus>;
  hasEnded(): boolean;
  /** Stops it in order, by force after the deadline. Does nothing when it has ended. */
  stop(): Promise<void>;
  /** Ends it by SIGKILL: for tests of faults. */
  kill(): Promise<void>;
}

/** What is kept in <data-dir>/run/<name>.json. */
interface RunNote {
  name: string;
  pid: number;
  identity: string;
  stop_signal: "SIGTERM" | "SIGINT";
  stop_deadline_ms: number;
}

// Deno can't send a child's output to a file; the shell can. The shell waits for a line before it
// becomes the server: if the supervisor dies before it has noted the process, there is no server.
const SHELL = 'read -r go || exit 1; log=$1; shift; exec "$@" >>"$log" 2>&1 </dev/null';

/**
 * Starts a server, with its output appended to <data-dir>/logs/<name>.log.
 *
 * @param options What to run, and how it is to be stopped.
 * @returns The process; it has been started, and need not be ready.
 * @throws StartFault if there is no such program, or the directory can't be written.
 */
export async function spawnServer(options: ServerCommand): Promise<ServerProcess> {
  const { name, data_dir, command, env = {}, stop_signal, stop_deadline_ms } = options;
  const log_path = `${data_dir}/logs/${name}.log`;
  const note_path = `${data_dir}/run/${name}.json`;
  await Deno.mkdir(`${data_dir}/logs`, { recursive: true });
  await Deno.mkdir(`${data_dir}/run`, { recursive: true });
  await setAsideIfLarge(log_path);
  const log_offset = await sizeOf(log_path);

  const child = new Deno.Command("sh", {
    args: ["-c", SHELL, name, log_path, ...command],
    env,
    stdin: "piped",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  const identity = await processIdentity(child.pid);
  if (identity === null) {
    throw new StartFault(`Cannot start ${name}: the process ended at once; see ${log_path}`);
  }
  const note: RunNote = { name, pid: child.pid, identity, stop_signal, stop_deadline_ms };
  await writeAtomically(note_path, JSON.stringify(note));
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("go\n"));
  await writer.close();

  let ended = false;
  const status = child.status.then(async (status) => {
    ended = true;
    await removeNote(note_path, child.pid);
    return status;
  });
  const kill = async (): Promise<void> => {
    if (!ended) child.kill("SIGKILL");
    await status;
  };
  return {
    name,
    pid: child.pid,
    log_path,
    log_offset,
    ended: status,
    hasEnded: () => ended,
    kill,
    stop: async () => {
      if (ended) return;
      child.kill(stop_signal);
      if (await settlesWithin(status, stop_deadline_ms)) return;
      await kill();
    },
  };
}

/**
 * Stops the servers that a killed supervisor left behind in a data directory. The caller holds the
 * directory's lock, so that no living supervisor's servers are taken for orphans.
 *
 * @param data_dir The data directory; it need not exist.
 * @returns The names of those that were still running.
 */
export async function stopOrphans(data_dir: string): Promise<string[]> {
  const stopped: string[] = [];
  const stops: Promise<void>[] = [];
  for (const path of await notePaths(data_dir)) {
    stops.push((async () => {
      const note = await readNote(path);
      if (note !== null && await isSameProcess(note.pid, note.identity)) {
        await stopByNote(note);
        stopped.push(note.name);
      }
      await Deno.remove(path).catch(ignoreNotFound);
    })());
  }
  await Promise.all(stops);
  return stopped.sort();
}

/**
 * What a server has logged since it was started here.
 *
 * @param server The server.
 * @param bytes_max How much of the end is read.
 */
export async function logOf(server: ServerProcess, bytes_max = 65_536): Promise<string> {
  const size = await sizeOf(server.log_path);
  const from = Math.max(server.log_offset, size - bytes_max);
  if (size <= from) return "";
  using file = await Deno.open(server.log_path);
  await file.seek(from, Deno.SeekMode.Start);
  const bytes = new Uint8Array(size - from);
  let read = 0;
  while (read < bytes.length) {
    const count = await file.read(bytes.subarray(read));
    if (count === null) break;
    read += count;
  }
  return new TextDecoder().decode(bytes.subarray(0, read));
}

/**
 * Waits until a server answers, ends, or the deadline passes.
 *
 * @param server The server.
 * @param isReady Asks it once; must itself return soon.
 * @param deadline_ms How long to wait.
 * @returns What came first.
 */
export async function waitReady(
  server: ServerProcess,
  isReady: () => Promise<boolean>,
  deadline_ms: number,
): Promise<"ready" | "ended" | "deadline"> {
  const give_up = performance.now() + deadline_ms;
  while (performance.now() < give_up) {
    if (server.hasEnded()) return "ended";
    if (await isReady()) return "ready";
    await sleep(POLL_INTERVAL_MS);
  }
  return "deadline";
}

/**
 * Writes a file so that a reader sees the old content or the new, never a part.
 *
 * @param path The file.
 * @param text Its content.
 * @param mode Its permission bits.
 */
export async function writeAtomically(path: string, text: string, mode = 0o600): Promise<void> {
  const partial = `${path}.${crypto.randomUUID()}.partial`;
  await Deno.writeTextFile(partial, text, { mode });
  await Deno.rename(partial, path);
}

/** For `catch`: what is not there need not be removed; any other fault goes on. */
export function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

async function stopByNote(note: RunNote): Promise<void> {
  signal(note.pid, note.stop_signal);
  if (await endsWithin(note, note.stop_deadline_ms)) return;
  signal(note.pid, "SIGKILL");
  if (await endsWithin(note, KILL_DEADLINE_MS)) return;
  throw new StartFault(
    `Cannot stop ${note.name}, process ${note.pid}, that an earlier start left behind: it is still ` +
      `there ${KILL_DEADLINE_MS / 1000} s after SIGKILL; end it by hand and start again`,
  );
}

async function endsWithin(note: RunNote, deadline_ms: number): Promise<boolean> {
  const give_up = performance.now() + deadline_ms;
  while (performance.now() < give_up) {
    if (!await isSameProcess(note.pid, note.identity)) return true;
    await sleep(POLL_INTERVAL_MS);
  }
  return false;
}

function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    // It ended between being looked at and being told.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function notePaths(data_dir: string): Promise<string[]> {
  const paths: string[] = [];
  try {
    for await (const entry of Deno.readDir(`${data_dir}/run`)) {
      if (entry.name.endsWith(".json")) paths.push(`${data_dir}/run/${entry.name}`);
    }
  } catch (error) {
    ignoreNotFound(error);
  }
  return paths;
}

async function readNote(path: string): Promise<RunNote | null> {
  try {
    return JSON.parse(await Deno.readTextFile(path)) as RunNote;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new StartFault(`Cannot read ${path}: ${(error as Error).message}; remove it`);
  }
}

/** Removes a note unless a newer process has written its own there. */
async function removeNote(path: string, pid: number): Promise<void> {
  const note = await readNote(path);
  if (note?.pid === pid) await Deno.remove(path).catch(ignoreNotFound);
}

async function setAsideIfLarge(path: string): Promise<void> {
  if (await sizeOf(path) > LOG_BYTES_MAX) await Deno.rename(path, `${path}.1`);
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    ignoreNotFound(error);
    return 0;
  }
}

/** Whether a promise settles before the deadline; leaves no timer behind. */
export async function settlesWithin(
  promise: Promise<unknown>,
  deadline_ms: number,
): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), deadline_ms);
  });
  try {
    return await Promise.race([promise.then(() => true), deadline]);
  } finally {
    clearTimeout(timer);
  }
}
