/** Runs a peer: one process or several that share the work, with their output in files. */
import { sleep } from "../../../runtime/backoff.ts";
import { settlesWithin } from "../../local/deadline.ts";
import type { PeerRun, RunningPeer } from "./peer.ts";

const STOP_DEADLINE_MS = 15_000;
const KILL_DEADLINE_MS = 5_000;
const POLL_INTERVAL_MS = 20;

// Deno can't send a child's output to a file; the shell can. It stays as the parent of all, so that
// one pid stands for them, hands on the signal, and ends when the last of them has ended.
const SHELL = `
count=$1; shift
pids=
trap 'kill -TERM $pids 2>/dev/null' TERM
at=1
while [ "$at" -le "$count" ]; do
  PEER_WORKER=$at "$@" >"worker-$at.log" 2>&1 </dev/null &
  pids="$pids $!"
  at=$((at + 1))
done
for pid in $pids; do
  while kill -0 "$pid" 2>/dev/null; do wait "$pid"; done
done
`;

/**
 * Starts a peer's processes. Each finds the run as JSON in the variable PEER_RUN and its number, from
 * 1 on, in PEER_WORKER; it works in the run's directory and writes to worker-<number>.log there.
 *
 * @param command The program and its arguments.
 * @param run What it is to do.
 * @param workers How many processes.
 */
export function startProcesses(
  command: readonly string[],
  run: PeerRun,
  workers: number,
): RunningPeer {
  const child = new Deno.Command("sh", {
    args: ["-c", SHELL, "peer", String(workers), ...command],
    cwd: run.dir,
    env: { PEER_RUN: JSON.stringify(run) },
    stdin: "null",
    stdout: "null",
    stderr: "null",
    // A group of their own: Ctrl-C does not reach them, and none outlives the stop.
    detached: true,
  }).spawn();
  const ended = child.status;
  return {
    pid: child.pid,
    async stop() {
      signalAll(child.pid, "SIGTERM", false);
      await settlesWithin(ended, STOP_DEADLINE_MS);
      // What is left of the group: all of it after the deadline, or a child that outlives its parent.
      const give_up_at_ms = performance.now() + KILL_DEADLINE_MS;
      while (signalAll(child.pid, "SIGKILL", true) && performance.now() < give_up_at_ms) {
        await sleep(POLL_INTERVAL_MS);
      }
      await ended;
    },
  };
}

/** Sends a signal to the parent alone, or to its whole group; false if there is none any more. */
function signalAll(pid: number, signal: Deno.Signal, group: boolean): boolean {
  try {
    Deno.kill(group ? -pid : pid, signal);
    return true;
  } catch {
    return false;
  }
}
