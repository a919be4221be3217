/**
 * Notes of the processes that a start has made, in <data-dir>/run/<name>.json: by them the next
 * start finds what a killed one left behind.
 */
import { sleep } from "../../runtime/backoff.ts";
import { ignoreNotFound, writeAtomically } from "./files.ts";
import { isSameProcess, processIdentity } from "./process_identity.ts";
import { StartFault } from "./start_fault.ts";

const POLL_INTERVAL_MS = 20;
/** How long the system may take to end a process after SIGKILL. */
const KILL_DEADLINE_MS = 5_000;

/** A process, and how it is stopped. */
export interface NotedProcess {
  name: string;
  /** Services are stopped before the servers that they need. */
  kind: "service" | "server";
  pid: number;
  stop_signal: "SIGTERM" | "SIGINT";
  /** How long an ordered stop may take before SIGKILL. */
  stop_deadline_ms: number;
}

/** What is kept: null for the identity of a process that had ended before it could be noted. */
interface RunNote extends NotedProcess {
  identity: string | null;
}

/**
 * Notes a process that was started.
 *
 * @param data_dir The data directory.
 * @param process The process, and how it is stopped.
 */
export async function noteProcess(data_dir: string, process: NotedProcess): Promise<void> {
  const note: RunNote = { ...process, identity: await processIdentity(process.pid) };
  await Deno.mkdir(`${data_dir}/run`, { recursive: true });
  await writeAtomically(notePath(data_dir, process.name), JSON.stringify(note));
}

/**
 * Removes the note of a process that has ended, unless a newer process has its own there.
 *
 * @param data_dir The data directory.
 * @param name The name it was noted by.
 * @param pid The id of the process that has ended.
 */
export async function removeNote(data_dir: string, name: string, pid: number): Promise<void> {
  const path = notePath(data_dir, name);
  const note = await readNote(path);
  if (note?.pid === pid) await Deno.remove(path).catch(ignoreNotFound);
}

/**
 * Stops what a killed supervisor left behind in a data directory, services first. The caller holds
 * the directory's lock, so that no living supervisor's processes are taken for orphans.
 *
 * @param data_dir The data directory; it need not exist.
 * @returns The names of those that were still running.
 * @throws StartFault if one can't be stopped.
 */
export async function stopOrphans(data_dir: string): Promise<string[]> {
  const paths = await notePaths(data_dir);
  const notes = await Promise.all(paths.map(readNote));
  const stopped: string[] = [];
  for (const kind of ["service", "server"]) {
    await Promise.all(notes.map(async (note) => {
      if (note?.kind === kind && await stopNoted(note)) stopped.push(note.name);
    }));
  }
  for (const path of paths) await Deno.remove(path).catch(ignoreNotFound);
  return stopped.sort();
}

/**
 * Ends every noted process by SIGKILL: for whoever does not want to wait for an ordered stop.
 *
 * @param data_dir The data directory.
 */
export async function killNoted(data_dir: string): Promise<void> {
  for (const path of await notePaths(data_dir)) {
    const note = await readNote(path);
    if (note !== null && await isNoted(note)) signal(note.pid, "SIGKILL");
    await Deno.remove(path).catch(ignoreNotFound);
  }
}

/**
 * Stops one noted process in order, and leaves the others running.
 *
 * @param data_dir The data directory.
 * @param name The name it was noted by.
 * @throws StartFault if no such process runs, or it can't be stopped.
 */
export async function stopNamed(data_dir: string, name: string): Promise<void> {
  const note = await readNote(notePath(data_dir, name));
  if (note === null || !await stopNoted(note)) {
    throw new StartFault(`Cannot stop the ${name}: none runs in ${data_dir}; see its log there`);
  }
}

/** The id of a noted process; null where none of that name is noted. */
export async function notedPid(data_dir: string, name: string): Promise<number | null> {
  return (await readNote(notePath(data_dir, name)))?.pid ?? null;
}

/** Stops a process if it is still the one that was noted; says whether it was. */
async function stopNoted(note: RunNote): Promise<boolean> {
  if (!await isNoted(note)) return false;
  signal(note.pid, note.stop_signal);
  if (await endsWithin(note, note.stop_deadline_ms)) return true;
  signal(note.pid, "SIGKILL");
  if (await endsWithin(note, KILL_DEADLINE_MS)) return true;
  throw new StartFault(
    `Cannot stop ${note.name}, process ${note.pid}, that an earlier start left behind: it is still ` +
      `there ${KILL_DEADLINE_MS / 1000} s after SIGKILL; end it by hand and start again`,
  );
}

async function isNoted({ pid, identity }: RunNote): Promise<boolean> {
  return identity !== null && await isSameProcess(pid, identity);
}

async function endsWithin(note: RunNote, deadline_ms: number): Promise<boolean> {
  const give_up_at_ms = performance.now() + deadline_ms;
  while (performance.now() < give_up_at_ms) {
    if (!await isNoted(note)) return true;
    await sleep(POLL_INTERVAL_MS);
  }
  return false;
}

function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    // It ended between being looked at and being told.
    ignoreNotFound(error);
  }
}

function notePath(data_dir: string, name: string): string {
  return `${data_dir}/run/${name}.json`;
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
