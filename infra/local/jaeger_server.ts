/** Jaeger on this machine: takes spans by OTLP, keeps the newest in memory, shows them. */
import { freePorts, LOOPBACK } from "./free_port.ts";
import { findGoTool, type GoTool } from "./go_tool.ts";
import { type LocalServer, startLocalServer } from "./local_server.ts";
import { answers, type WatcherOptions } from "./prometheus_server.ts";

/** Its program. */
export const JAEGER: GoTool = {
  name: "jaeger",
  program: "jaeger-all-in-one",
  package_path: "github.com/jaegertracing/jaeger/cmd/all-in-one",
};
const READY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 2_500;
const TRACES_MAX = 50_000;

/**
 * Starts Jaeger.
 *
 * @param options Where and how; `collector_port` is where it takes OTLP over HTTP, which the services
 *   were told before it is there.
 * @returns Once it answers. Its port is that of its pages; `operations_port` has its metrics.
 * @throws StartFault if it can't be built, or does not start.
 */
export async function startJaeger(
  { data_dir, port, progress, stopping, collector_port }: WatcherOptions & {
    collector_port: number;
  },
): Promise<LocalServer & { operations_port: number }> {
  const program = await findGoTool(JAEGER, progress, stopping);
  const [operations_port] = freePorts(1) as [number];
  const server = await startLocalServer({
    name: "jaeger",
    port,
    port_variable: "TAPELINE_JAEGER_PORT",
    port_count: 5,
    ready_deadline_ms: READY_DEADLINE_MS,
    command([http_port, query_grpc, collector_grpc, collector_http, otlp_grpc]) {
      const flags = {
        "query.http-server.host-port": http_port,
        "query.grpc-server.host-port": query_grpc,
        "collector.grpc-server.host-port": collector_grpc,
        "collector.http-server.host-port": collector_http,
        "collector.otlp.grpc.host-port": otlp_grpc,
        "collector.otlp.http.host-port": collector_port,
        "admin.http.host-port": operations_port,
        // The old agent's, which nobody uses: a free port each, since the usual one is the same for every Jaeger.
        "processor.zipkin-compact.server-host-port": 0,
        "processor.jaeger-compact.server-host-port": 0,
        "processor.jaeger-binary.server-host-port": 0,
        "http-server.host-port": 0,
      };
      return Promise.resolve({
        name: "jaeger",
        data_dir,
        command: [
          program,
          ...Object.entries(flags).map(([flag, port]) => `--${flag}=${LOOPBACK}:${port}`),
          `--memory.max-traces=${TRACES_MAX}`,
          "--log-level=warn",
        ],
        stop_signal: "SIGTERM",
        stop_deadline_ms: STOP_DEADLINE_MS,
      });
    },
    isReady: ([http_port]) => answers(`http://${LOOPBACK}:${http_port}/api/services`),
  }, stopping);
  return { ...server, operations_port };
}
