/** CPU seconds and memory of processes and all they start, read from /proc (Linux). */

/** /proc counts CPU time in these (USER_HZ is 100 on every Linux of note). */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;
const LOOK_INTERVAL_MS = 100;

/** Follows processes. */
export interface CpuFollower {
  /** CPU seconds by name since the start of following, user and system. */
  seconds(): { [name: string]: number };
  /** The most memory (resident set) that each has had at once, bytes. */
  memory_bytes_max(): { [name: string]: number };
  stop(): void;
}

/** A line of /proc/pid/stat, as far as it is used here. */
export interface ProcessStat {
  parent: number;
  cpu_seconds: number;
  /** Its resident set. */
  memory_bytes: number;
}

/**
 * Follows process trees: what a process used is known after its end too, up to the last look.
 *
 * @param pids The root of each tree, by the name that it is told by.
 */
export function followCpu(pids: { [name: string]: number }): CpuFollower {
  const used = new Map<string, Map<number, number>>(
    Object.keys(pids).map((name) => [name, new Map()]),
  );
  const before = new Map<string, number>();
  const memory = new Map<string, number>();
  const total = (name: string): number =>
    [...used.get(name)!.values()].reduce((sum, seconds) => sum + seconds, 0);

  function look(): void {
    const processes = readProcesses();
    for (const [name, root] of Object.entries(pids)) {
      let memory_bytes = 0;
      for (const pid of treeOf(root, processes)) {
        used.get(name)!.set(pid, processes.get(pid)!.cpu_seconds);
        memory_bytes += processes.get(pid)!.memory_bytes;
      }
      memory.set(name, Math.max(memory.get(name) ?? 0, memory_bytes));
    }
  }
  look();
  for (const name of Object.keys(pids)) before.set(name, total(name));
  const timer = setInterval(look, LOOK_INTERVAL_MS);
  return {
    seconds() {
      look();
      return Object.fromEntries(
        Object.keys(pids).map((name) => [name, total(name) - before.get(name)!]),
      );
    },
    memory_bytes_max: () => Object.fromEntries(memory),
    stop: () => clearInterval(timer),
  };
}

/** A process and all that descend from it. */
export function treeOf(root: number, processes: ReadonlyMap<number, ProcessStat>): number[] {
  if (!processes.has(root)) return [];
  const tree = [root];
  for (let at = 0; at < tree.length; at++) {
    for (const [pid, { parent }] of processes) if (parent === tree[at]) tree.push(pid);
  }
  return tree;
}

/**
 * Reads parent, CPU time and memory from a line of /proc/pid/stat (proc(5), fields 4, 14, 15, 24).
 */
export function parseStat(line: string): ProcessStat {
  // The second field is the program's name in brackets, which may hold anything.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return {
    parent: Number(fields[1]),
    cpu_seconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    memory_bytes: Number(fields[21]) * PAGE_BYTES,
  };
}

function readProcesses(): Map<number, ProcessStat> {
  const processes = new Map<number, ProcessStat>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      processes.set(Number(name), parseStat(Deno.readTextFileSync(`/proc/${name}/stat`)));
    } catch {
      // It has ended since.
    }
  }
  return processes;
}
