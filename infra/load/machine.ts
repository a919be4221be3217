/** How busy the machine is, and how busy parts are that tell Prometheus nothing of it (Linux). */
import { followCpu } from "../bench/process_cpu.ts";
import type { LoadFigures } from "./limit.ts";

/** What a process has used in the end is known up to the last look. */
const LOOK_INTERVAL_MS = 1_000;

/** What was used since the look before. */
export interface MachineLook {
  /** Cores by part. */
  cores: { [part: string]: number };
  machine: LoadFigures["machine"];
}

/**
 * Follows the machine and some of its processes.
 *
 * @param pids The first process of each part.
 * @returns Looks; where the system does not tell, nothing is seen.
 */
export function followMachine(pids: { [part: string]: number }): () => MachineLook {
  if (Deno.build.os !== "linux") return () => ({ cores: {}, machine: null });
  const parts = followCpu(pids);
  // Ten looks a second, as it would take them, cost a load more than they tell.
  parts.stop();
  Deno.unrefTimer(setInterval(() => parts.seconds(), LOOK_INTERVAL_MS));
  let before = { at_ms: performance.now(), seconds: parts.seconds(), ...machineTimes() };
  return () => {
    const now = { at_ms: performance.now(), seconds: parts.seconds(), ...machineTimes() };
    const elapsed_s = (now.at_ms - before.at_ms) / 1_000;
    const cores = Object.fromEntries(
      Object.keys(pids).map((part) =>
        [part, (now.seconds[part]! - before.seconds[part]!) / elapsed_s] as const
      ),
    );
    const share = (now.busy - before.busy) / (now.all - before.all);
    before = now;
    const machine = { busy: share * navigator.hardwareConcurrency };
    return { cores, machine: { ...machine, cores: navigator.hardwareConcurrency } };
  };
}

/** The first line of /proc/stat (proc(5)): all cores' time, of which the 4th and 5th field are idle. */
function machineTimes(): { busy: number; all: number } {
  const [line] = Deno.readTextFileSync("/proc/stat").split("\n");
  // Guests' time is in that of users already.
  const times = line!.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = times.reduce((sum, time) => sum + time, 0);
  return { busy: all - times[3]! - times[4]!, all };
}
