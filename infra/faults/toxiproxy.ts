/**
 * Toxiproxy, in front of both servers: what a bad network does to them
 * (https://github.com/Shopify/toxiproxy#toxics).
 */
import { LOOPBACK } from "../local/free_port.ts";
import { buildGoTool } from "../local/go_tool.ts";
import { startLocalServer } from "../local/local_server.ts";
import type { Progress } from "../local/start_fault.ts";

/** What can be done to a connection; the names and attributes are Toxiproxy's own. */
export type Toxic =
  /** Delays what passes. */
  | { type: "latency"; attributes: { latency: number; jitter?: number } }
  /** Lets so many kilobytes a second pass. */
  | { type: "bandwidth"; attributes: { rate: number } }
  /** Nothing passes; with 0 the connection stays open, else it is closed after so many ms. */
  | { type: "timeout"; attributes: { timeout: number } }
  /** The connection is reset after so many ms. */
  | { type: "reset_peer"; attributes: { timeout: number } };

/** A proxy of one server. */
export interface ToxicProxy {
  port: number;
  /** Puts toxics on every connection, old and new, in both directions. */
  poison(...toxics: readonly Toxic[]): Promise<void>;
  /** Takes all toxics off. */
  heal(): Promise<void>;
}

/** A running Toxiproxy. */
export interface Toxiproxy {
  /** Puts a proxy in front of a port of this machine. */
  proxy(name: string, upstream_port: number): Promise<ToxicProxy>;
  stop(): Promise<void>;
}

/** Its program. */
export const TOXIPROXY = {
  name: "toxiproxy",
  package_path: "github.com/Shopify/toxiproxy/v2/cmd/server",
};
const READY_DEADLINE_MS = 10_000;
const CALL_DEADLINE_MS = 20_000;

/** Starts Toxiproxy; builds it first where that has not been done. */
export async function startToxiproxy(data_dir: string, progress: Progress): Promise<Toxiproxy> {
  const program = await buildGoTool(TOXIPROXY, progress);
  const server = await startLocalServer({
    name: "toxiproxy",
    port: null,
    port_variable: "none",
    port_count: 1,
    ready_deadline_ms: READY_DEADLINE_MS,
    command: ([port]) =>
      Promise.resolve({
        name: "toxiproxy",
        data_dir,
        command: [program, "-host", LOOPBACK, "-port", String(port)],
        stop_signal: "SIGTERM" as const,
        stop_deadline_ms: 2_000,
      }),
    isReady: ([port]) => answers(port!),
  });

  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`http://${LOOPBACK}:${server.port}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_DEADLINE_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Toxiproxy refused ${method} ${path}: ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  return {
    async proxy(name, upstream_port) {
      const { listen } = await call("POST", "/proxies", {
        name,
        listen: `${LOOPBACK}:0`,
        upstream: `${LOOPBACK}:${upstream_port}`,
        enabled: true,
      }) as { listen: string };
      const path = `/proxies/${name}/toxics`;
      return {
        port: Number(listen.split(":").at(-1)),
        async poison(...toxics) {
          for (const toxic of toxics) {
            for (const stream of ["upstream", "downstream"]) {
              await call("POST", path, { ...toxic, name: `${toxic.type}_${stream}`, stream });
            }
          }
        },
        async heal() {
          // The last one first: what another has held would have to pass through it.
          for (const toxic of (await call("GET", path) as { name: string }[]).toReversed()) {
            await call("DELETE", `${path}/${toxic.name}`);
          }
        },
      };
    },
    stop: () => server.stop(),
  };
}

async function answers(port: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(500);
    const response = await fetch(`http://${LOOPBACK}:${port}/version`, { signal });
    await response.body?.cancel();
    return response.ok;
  } catch {
    // It does not listen yet.
    return false;
  }
}
