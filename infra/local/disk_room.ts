/** Room on the disk, looked at before servers find out in the middle of their work. */
import { statfs } from "node:fs/promises";
import { StartFault } from "./start_fault.ts";

/** Kafka and Postgres make about 150 MB before the first tick; below this a start is in vain. */
export const ROOM_BYTES_MIN = 512 * 1024 * 1024;

/**
 * Makes sure that there is room for data.
 *
 * @param data_dir Where; it exists.
 * @param bytes_min How much is needed.
 * @throws StartFault if there is less.
 */
export async function assertRoom(data_dir: string, bytes_min = ROOM_BYTES_MIN): Promise<void> {
  const { bavail, bsize } = await statfs(data_dir);
  const free = bavail * bsize;
  if (free >= bytes_min) return;
  throw new StartFault(
    `Cannot start: the disk under ${data_dir} is full: ${megabytes(free)} MB are free and ` +
      `${megabytes(bytes_min)} MB are needed. Make room, or choose another place with --data-dir`,
  );
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1_048_576);
}
