import { match, ok } from "node:assert/strict";
import { freePorts, LOOPBACK } from "../infra/local/free_port.ts";
import { startJaeger } from "../infra/local/jaeger_server.ts";
import { withServers, withTestDirectory } from "../infra/local/test_servers.ts";
import { spansOfService } from "../infra/proofs/jaeger_spans.ts";
import { eventually, withService } from "../infra/testing/test_service.ts";

Deno.test("a service whose spans arrive nowhere says so, and when they do", async () => {
  await withServers({ kafka: true }, async ({ bootstrap }) => {
    const [collector_port] = freePorts(1) as [number];
    const environment = {
      KAFKA_BOOTSTRAP_SERVERS: bootstrap,
      TAPELINE_TRACE_ENDPOINT: `http://${LOOPBACK}:${collector_port}`,
    };
    await withService("lag", environment, async (lag) => {
      const arrives = async (part: string): Promise<string | undefined> =>
        new RegExp(`^tapeline_instrumentation_arrives\\{part="${part}"[^}]*\\} (.)$`, "m")
          .exec(await lag.metrics())?.[1];
      await lag.ready();
      const line = await lag.line(({ event }) => event === "instrumentation_blind");
      match(line.message, /the spans of this service do not arrive/);
      match(String(line.why), new RegExp(`${collector_port}.*(refused|ECONNREFUSED)`, "i"));
      ok(await arrives("spans") === "0");
      // Its requests to Kafka are counted: that part of the canary is well.
      ok(await arrives("kafka_metrics") === "1");

      await withTestDirectory(async (data_dir) => {
        const jaeger = await startJaeger({
          data_dir,
          port: null,
          progress: () => {},
          stopping: new AbortController().signal,
          collector_port,
        });
        try {
          await eventually(async () => await arrives("spans") === "1", "the spans' arrival");
          const spans = await spansOfService(`http://${LOOPBACK}:${jaeger.port}`, "lag");
          ok(spans.some(({ name }) => name === "tapeline.probe"));
        } finally {
          await jaeger.stop();
        }
      });
    });
  });
});
