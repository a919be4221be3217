/**
 * What proves that a process id still means the process that was noted under it. Ids are used
 * again; the pair of id and start time is not.
 */

/**
 * What a living process is known by beside its id: on Linux the boot and the start time in it
 * (proc(5), field 22 of /proc/<pid>/stat), elsewhere the start time that `ps` prints.
 *
 * @param pid The process's id.
 * @returns Null if no such process lives (one that has ended and only waits to be reaped is dead).
 */
export async function processIdentity(pid: number): Promise<string | null> {
  return Deno.build.os === "linux" ? await linuxIdentity(pid) : await psIdentity(pid);
}

/**
 * Whether the process that was noted still lives.
 *
 * @param pid The id it had.
 * @param identity What `processIdentity` said then.
 */
export async function isSameProcess(pid: number, identity: string): Promise<boolean> {
  return await processIdentity(pid) === identity;
}

async function linuxIdentity(pid: number): Promise<string | null> {
  let stat: string;
  try {
    stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  } catch {
    // No such file, or it went away while being read: either way there is no such process.
    return null;
  }
  // The command's name (field 2) is in brackets and may hold spaces and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, start_time] = [fields[0], fields[19]];
  if (state === "Z" || state === "X" || start_time === undefined) return null;
  const boot = (await Deno.readTextFile("/proc/sys/kernel/random/boot_id")).trim();
  return `${boot}/${start_time}`;
}

async function psIdentity(pid: number): Promise<string | null> {
  const { success, stdout } = await new Deno.Command("ps", {
    args: ["-o", "state=,lstart=", "-p", String(pid)],
    stderr: "null",
  }).output();
  const [state, ...started] = new TextDecoder().decode(stdout).trim().split(/\s+/);
  if (!success || !state || state.startsWith("Z") || started.length === 0) return null;
  return started.join(" ");
}
