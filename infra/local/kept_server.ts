/** Keeps a local server running: one that dies is started again, on its port, with its data. */
import { backoffDelay, sleep } from "../../runtime/backoff.ts";
import { diskStatus, fullDiskText, roomAgain } from "./disk_room.ts";
import type { LocalServer } from "./local_server.ts";
import { createStatus, type Part, plainStatus, RESTART_BACKOFF, WELL_AFTER_MS } from "./part.ts";

/**
 * Keeps a server that has been started. While the disk is full it is not tried again: it would only
 * die again, and the waits between the tries would grow past the moment when there is room.
 *
 * @param server The server.
 * @param data_dir Where its data is.
 * @param show Told, a line each, when it dies, what keeps it from starting, and when it is back.
 * @param onRestarted Told when it is back: some of its ports are others then.
 */
export function keepServer(
  server: LocalServer,
  data_dir: string,
  show: (line: string) => void,
  onRestarted: () => void = () => {},
): Part {
  const { name } = server;
  const status = createStatus(name);
  status.become("running");
  const controller = new AbortController();
  const stopping = controller.signal;
  const kept = keep();
  return {
    status: () => plainStatus(status),
    async stop() {
      if (status.state !== "stopped") status.become("stopping");
      controller.abort();
      await server.stop();
      await kept;
      status.become("stopped");
    },
  };

  async function keep(): Promise<void> {
    for (let attempt = 0;; attempt++) {
      const started_at_ms = performance.now();
      const { code, signal } = await server.process().ended;
      if (stopping.aborted) return;
      if (performance.now() - started_at_ms > WELL_AFTER_MS) attempt = 0;
      status.become("restarting");
      status.restarts++;
      show(`${name} has ended (${signal ?? `exit code ${code}`}); it is started again`);
      attempt = await startAgain(attempt);
      if (stopping.aborted) return;
      status.become("running");
      show(`${name} runs again`);
      onRestarted();
    }
  }

  /** Tries until it runs or is to stop; returns the number of the last attempt. */
  async function startAgain(first_attempt: number): Promise<number> {
    for (let attempt = first_attempt;; attempt++) {
      await sleep(backoffDelay(RESTART_BACKOFF, attempt), stopping);
      try {
        const full = fullDiskText(await diskStatus(data_dir));
        if (full !== null) show(`${name} waits for room: ${full}`);
        await roomAgain(data_dir, stopping);
        if (!stopping.aborted) await server.restart(stopping);
        return attempt;
      } catch (error) {
        if (stopping.aborted) return attempt;
        show((error as Error).message);
      }
    }
  }
}
