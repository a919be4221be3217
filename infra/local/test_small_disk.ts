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

/** A small disk that is there until it is disposed of, or whoever made it ends. */
export interface SmallDisk extends AsyncDisposable {
  /** Its directory, here and for those who see it. */
  dir: string;
  /** What goes before a command that is to see it too; the command keeps the process id. */
  prefix: string[];
}

/**
 * Makes a small disk for several commands, each as somebody who is not root.
 *
 * @param mount_dir A directory that is there.
 */
export async function openSmallDisk(mount_dir: string, size_bytes: number): Promise<SmallDisk> {
  // It ends with its input, and that with us.
  const holder = ["sh", "-c", "echo mounted && exec cat"];
  const [program, ...args] = [...onSmallDisk(mount_dir, size_bytes), ...holder];
  const child = new Deno.Command(program!, { args, stdin: "piped", stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  const { done } = await reader.read();
  if (done) throw new Error(`Cannot mount a disk of ${size_bytes} bytes at ${mount_dir}`);
  return {
    dir: seenBy(child.pid, mount_dir),
    prefix: [
      ...["nsenter", "--target", String(child.pid)],
      ...["--user", "--mount", "--preserve-credentials"],
    ],
    async [Symbol.asyncDispose]() {
      await reader.cancel();
      await child.stdin.close();
      await child.status;
    },
  };
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
