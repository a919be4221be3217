/**
 * Servers as processes of their own session: Ctrl-C on the terminal does not reach them, and they
 * outlive a killed supervisor, so each is noted in <data-dir>/run/<name>.json where the next start
 * finds it.
 */
import { sleep } from "../../runtime/backoff.ts";
import { settlesWithin } from "./deadline.ts";
import { ignoreNotFound } from "./files.ts";
import { noteProcess, removeNote } from "./run_note.ts";

/** A log file larger than this at a server's start is set aside as `<name>.log.1`. */
export const LOG_BYTES_MAX = 50 * 1024 * 1024;

const POLL_INTERVAL_MS = 20;

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
  await Deno.mkdir(`${data_dir}/logs`, { recursive: true });
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
  const writer = child.stdin.getWriter();
  try {
    await noteProcess(data_dir, {
      name,
      kind: "server",
      pid: child.pid,
      stop_signal,
      stop_deadline_ms,
    });
    await writer.write(new TextEncoder().encode("go\n"));
  } finally {
    // Without the line, where the note can't be written, its end makes the shell end too.
    await writer.close().catch(() => {
      // The other end went with the process.
    });
  }

  let ended = false;
  const status = child.status.then(async (status) => {
    ended = true;
    await removeNote(data_dir, name, child.pid);
    return status;
  });
  const signalChild = (signal: Deno.Signal): void => {
    try {
      if (!ended) child.kill(signal);
    } catch {
      // It has ended by itself in this moment.
    }
  };
  const kill = async (): Promise<void> => {
    signalChild("SIGKILL");
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
      signalChild(stop_signal);
      if (!await settlesWithin(status, stop_deadline_ms)) await kill();
    },
  };
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
 * @param stopping Ends the wait.
 * @returns What came first.
 * @throws The signal's reason if that came first.
 */
export async function waitReady(
  server: ServerProcess,
  isReady: () => Promise<boolean>,
  deadline_ms: number,
  stopping: AbortSignal,
): Promise<"ready" | "ended" | "deadline"> {
  const give_up_at_ms = performance.now() + deadline_ms;
  while (performance.now() < give_up_at_ms) {
    stopping.throwIfAborted();
    if (server.hasEnded()) return "ended";
    if (await isReady()) return "ready";
    await sleep(POLL_INTERVAL_MS, stopping);
  }
  return "deadline";
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
