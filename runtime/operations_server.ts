/** The operations port: /health, /ready, /metrics and /logs of a service. */
import { Hono } from "hono";
import { sleep } from "./backoff.ts";

/** How long a stop waits for open connections: one with a request half sent never closes. */
const STOP_DEADLINE_MS = 1_000;

/** Whether a service can do its work, and if not, why. */
export interface Readiness {
  ready: boolean;
  /** What is missing, a sentence each; empty when ready. */
  reasons: string[];
}

/** What the operations server tells. */
export interface Operations {
  readiness(): Readiness;
  expose(open_metrics: boolean): Promise<{ text: string; content_type: string }>;
  /** The newest lines of the log, oldest first; only those that contain a text, where one is given. */
  logs(contains: string | null): string[];
}

/**
 * The routes, without a server: tests call `.request()` on it.
 *
 * @param operations Where the answers come from.
 */
export function operationsApp(operations: Operations): Hono {
  const app = new Hono();
  app.get("/health", (context) => context.json({ alive: true }));
  app.get("/ready", (context) => {
    const readiness = operations.readiness();
    return context.json(readiness, readiness.ready ? 200 : 503);
  });
  app.get("/logs", (context) => {
    const lines = operations.logs(context.req.query("contains") ?? null);
    return context.text(lines.map((line) => `${line}\n`).join(""));
  });
  app.get("/metrics", async (context) => {
    const open_metrics = (context.req.header("accept") ?? "").includes(
      "application/openmetrics-text",
    );
    const { text, content_type } = await operations.expose(open_metrics);
    return context.body(text, 200, { "content-type": content_type });
  });
  return app;
}

/** A running server: where it is, and how to stop it. */
export interface RunningServer {
  url: string;
  /** Takes no more requests, and waits a second at the most for those under way. */
  stop(): Promise<void>;
}

/**
 * Serves an app.
 *
 * @param app The routes.
 * @param hostname Address to listen on.
 * @param port Port; 0 takes a free one.
 * @throws Error that names the address where it can't be taken.
 */
export function serveApp(
  app: { fetch(request: Request): Response | Promise<Response> },
  hostname: string,
  port: number,
): RunningServer {
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({ hostname, port, onListen: () => {} }, app.fetch);
  } catch (error) {
    throw new Error(
      `Cannot listen on ${hostname}:${port}: ${(error as Error).message}. ` +
        "Set another port, or 0 for a free one",
      { cause: error },
    );
  }
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    url: `http://${host}:${server.addr.port}`,
    async stop() {
      const closing = new AbortController();
      const closed = server.shutdown().finally(() => closing.abort());
      // What is open then goes with the process: Deno can't cut it, an abort by a signal after
      // shutdown() throws BadResource.
      await sleep(STOP_DEADLINE_MS, closing.signal);
      if (closing.signal.aborted) await closed;
    },
  };
}
