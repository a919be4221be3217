/** Room on the disk: looked at before a start, and told as the cause of what fails without it. */
import { statfs } from "node:fs/promises";
import { sleep } from "../../runtime/backoff.ts";
import { StartFault } from "./start_fault.ts";

const MEGABYTE = 1_048_576;

/** Kafka and Postgres make about 150 MB before the first tick; below this a start is in vain. */
export const ROOM_BYTES_MIN = 512 * MEGABYTE;

/** Postgres asks for 16 MB at a time: with less than two of these free, a disk is as good as full. */
export const FULL_BYTES = 32 * MEGABYTE;

const LOOK_INTERVAL_MS = 250;

const WAY_OUT = "Make room, or choose another place with --data-dir";

/** How the system's words for a full disk and a full quota come through Deno, Java and Postgres. */
const NO_ROOM = /No space left on device|Disk quota exceeded/;

/** The disk under a data directory, for /health. */
export interface DiskStatus {
  path: string;
  free_bytes: number;
  is_full: boolean;
}

/**
 * Looks at the disk.
 *
 * @param path A directory on it.
 */
export async function diskStatus(path: string): Promise<DiskStatus> {
  const { bavail, bsize } = await statfs(path);
  const free_bytes = bavail * bsize;
  return { path, free_bytes, is_full: free_bytes < FULL_BYTES };
}

/** Says in words that a disk is full; null if it is not. */
export function fullDiskText({ path, free_bytes, is_full }: DiskStatus): string | null {
  if (!is_full) return null;
  return `the disk under ${path} is full (${megabytes(free_bytes)} MB free): make room`;
}

/**
 * Makes sure that there is room for data.
 *
 * @param data_dir Where; it exists.
 * @param bytes_min How much is needed.
 * @throws StartFault if there is less.
 */
export async function assertRoom(data_dir: string, bytes_min = ROOM_BYTES_MIN): Promise<void> {
  const { free_bytes } = await diskStatus(data_dir);
  if (free_bytes >= bytes_min) return;
  throw new StartFault(
    `Cannot start: the disk under ${data_dir} is full: ${megabytes(free_bytes)} MB are free and ` +
      `${megabytes(bytes_min)} MB are needed. ${WAY_OUT}`,
  );
}

/**
 * Tells an error by its cause where that is a full disk: what failed for it says so in many ways,
 * and a server that can't write its log says nothing at all.
 *
 * @param data_dir Where data goes.
 * @param error What has failed.
 * @returns A fault that names the disk, or the error as it is.
 */
export async function toldByDisk(data_dir: string, error: unknown): Promise<unknown> {
  const text = error instanceof Error ? error.message : String(error);
  if (!NO_ROOM.test(text) && !(await diskStatus(data_dir)).is_full) return error;
  const what = text.split("\n")[0]!.replace(/:$/, "");
  return new StartFault(
    `The disk under ${data_dir} is full. ${WAY_OUT}.\nWhat it stopped: ${what}`,
  );
}

/**
 * Waits until a disk is not full; at once where it is not.
 *
 * @param path A directory on it.
 * @param stopping Ends the wait.
 */
export async function roomAgain(path: string, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted && (await diskStatus(path)).is_full) {
    await sleep(LOOK_INTERVAL_MS, stopping);
  }
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / MEGABYTE);
}
