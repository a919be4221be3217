/** A small disk for tests: a tmpfs in a mount namespace, which goes with the last process in it. */

/**
 * As root of a user namespace of its own anybody may mount; Postgres refuses root, so the command
 * runs in a second one, as who we are, or for root as `nobody`'s number.
 */
const SCRIPT = 'mount -t tmpfs -o "size=$1,mode=700" tapeline "$2" && shift 2 && exec unshare "$@"';
const NOBODY = 65_534;

/** What goes before a command that is to see the small disk; the command keeps the process id. */
export function onSmallDisk(mount_dir: string, size_bytes: number): string[] {
  const [uid, gid] = [Deno.uid() || NOBODY, Deno.gid() || NOBODY];
  return [
    ...["unshare", "--user", "--map-root-user", "--mount"],
    ...["sh", "-c", SCRIPT, "sh", String(size_bytes), mount_dir],
    ...["--user", `--map-user=${uid}`, `--map-group=${gid}`],
  ];
}

/**
 * Whether such a disk can be made here: Linux, and namespaces that are allowed.
 *
 * @returns False in most containers.
 */
export function canMakeSmallDisk(): boolean {
  if (Deno.build.os !== "linux") return false;
  const [program, ...args] = [...onSmallDisk("/tmp", 1_048_576), "true"];
  return new Deno.Command(program!, { args, stdout: "null", stderr: "null" }).outputSync().success;
}

/**
 * A path as the processes on the small disk see it.
 *
 * @param pid One of them.
 * @param path The path.
 */
export function seenBy(pid: number, path: string): string {
  return `/proc/${pid}/root${path}`;
}

/**
 * Fills a disk to its last byte.
 *
 * @param path The file that takes the room.
 */
export async function fillDisk(path: string): Promise<void> {
  using file = await Deno.open(path, { create: true, append: true });
  const bytes = new Uint8Array(1_048_576);
  try {
    for (;;) await file.write(bytes);
  } catch (error) {
    if (!/No space left/.test((error as Error).message)) throw error;
  }
}
