/** One supervisor a data directory. */
import { toldByDisk } from "./disk_room.ts";
import { StartFault } from "./start_fault.ts";

/**
 * Takes a data directory for this process. The lock is the system's own (flock), so that it goes
 * with the process that holds it, however that ends.
 *
 * @param data_dir The directory; made if it is not there.
 * @returns Give it up by disposing of it.
 * @throws StartFault if another process has it, or the directory can't be written.
 */
export async function takeLock(data_dir: string): Promise<Disposable> {
  const path = `${data_dir}/lock`;
  let file: Deno.FsFile;
  try {
    await Deno.mkdir(data_dir, { recursive: true });
    file = await Deno.open(path, { create: true, read: true, write: true });
  } catch (error) {
    throw new StartFault(
      `Cannot write to the data directory ${data_dir}: ${(error as Error).message}. Choose ` +
        "another with --data-dir",
    );
  }
  if (!await file.tryLock(true)) {
    file.close();
    const holder = (await Deno.readTextFile(path)).trim();
    throw new StartFault(
      `Cannot start on ${data_dir}: it is in use by ${
        holder || "another process"
      }. Stop that one ` +
        "with Ctrl-C or SIGTERM, or start beside it with another --data-dir",
    );
  }
  try {
    await file.truncate();
    await file.write(
      new TextEncoder().encode(`process ${Deno.pid}, since ${new Date().toISOString()}\n`),
    );
  } catch (error) {
    file.close();
    throw await toldByDisk(data_dir, error);
  }
  return { [Symbol.dispose]: () => file.close() };
}
