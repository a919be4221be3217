/** Keeps a local server running: one that dies is started again, on its port, with its data. */
import { backoffDelay, sleep } from "../../runtime/backoff.ts";
import type { LocalServer } from "./local_server.ts";
import { createStatus, type Part, plainStatus, RESTART_BACKOFF, WELL_AFTER_MS } from "./part.ts";

/**
 * Keeps a server that has been started.
 *
 * @param server The server.
 * @param show Told, a line each, when it dies and when it is back.
 */
export function keepServer(server: LocalServer, show: (line: string) => void): Part {
  const status = createStatus(server.name);
  status.become("running");
  const stopping = new AbortController();
  const kept = keep();
  return {
    status: () => plainStatus(status),
    async stop() {
      if (status.state !== "stopped") status.become("stopping");
      stopping.abort();
      await server.stop();
      await kept;
      status.become("stopped");
    },
  };

  async function keep(): Promise<void> {
    for (let attempt = 0;; attempt++) {
      const started = performance.now();
      const { code, signal } = await server.process().ended;
      if (stopping.signal.aborted) return;
      if (performance.now() - started > WELL_AFTER_MS) attempt = 0;
      status.become("restarting");
      status.restarts++;
      show(`${server.name} has ended (${signal ?? `exit code ${code}`}); it is started again`);
      await sleep(backoffDelay(RESTART_BACKOFF, attempt), stopping.signal);
      if (stopping.signal.aborted) return;
      try {
        await server.restart();
      } catch (error) {
        show((error as Error).message);
        continue;
      }
      if (stopping.signal.aborted) return await server.stop();
      status.become("running");
      show(`${server.name} runs again`);
    }
  }
}
