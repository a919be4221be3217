/** Real servers for a benchmark, and a Jaeger that takes the spans. */
import { freePorts, LOOPBACK } from "../local/free_port.ts";
import { startJaeger } from "../local/jaeger_server.ts";
import { type TestServerOptions, type TestServers, withServers } from "../local/test_servers.ts";
import type { BenchmarkContext } from "./benchmark.ts";

/**
 * Runs something with servers that go away afterwards.
 *
 * @param options Which servers.
 * @param context Who is told.
 * @param use What to do with them; `trace_endpoint` is what TAPELINE_TRACE_ENDPOINT takes.
 */
export async function withTracedServers<Result>(
  options: TestServerOptions,
  { tell }: BenchmarkContext,
  use: (servers: TestServers, trace_endpoint: string, jaeger_pid: number) => Promise<Result>,
): Promise<Result> {
  return await withServers(options, async (servers) => {
    const [collector_port] = freePorts(1) as [number];
    const jaeger = await startJaeger({
      data_dir: servers.data_dir,
      port: null,
      progress: tell,
      stopping: new AbortController().signal,
      collector_port,
    });
    try {
      return await use(servers, `http://${LOOPBACK}:${collector_port}`, jaeger.process().pid);
    } finally {
      await jaeger.stop();
    }
  });
}
