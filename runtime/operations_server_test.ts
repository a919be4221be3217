import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { operationsApp, type Readiness, serveApp } from "./operations_server.ts";

function appWith(readiness: Readiness): ReturnType<typeof operationsApp> {
  return operationsApp({
    readiness: () => readiness,
    expose: (open_metrics) =>
      Promise.resolve({ text: "x 1\n", content_type: open_metrics ? "open" : "plain" }),
  });
}

Deno.test("ready answers 200, and 503 with the reasons where it is not", async () => {
  strictEqual((await appWith({ ready: true, reasons: [] }).request("/ready")).status, 200);
  const refused = await appWith({ ready: false, reasons: ["Kafka is away"] }).request("/ready");
  strictEqual(refused.status, 503);
  deepStrictEqual(await refused.json(), { ready: false, reasons: ["Kafka is away"] });
});

Deno.test("health answers while the process lives, ready or not", async () => {
  strictEqual((await appWith({ ready: false, reasons: ["x"] }).request("/health")).status, 200);
});

Deno.test("metrics are OpenMetrics where the reader accepts that", async () => {
  const app = appWith({ ready: true, reasons: [] });
  strictEqual((await app.request("/metrics")).headers.get("content-type"), "plain");
  const accept = "application/openmetrics-text; version=1.0.0, text/plain;q=0.5";
  const open = await app.request("/metrics", { headers: { accept } });
  strictEqual(open.headers.get("content-type"), "open");
});

Deno.test("a taken port is told with its number and what to do", async () => {
  const app = appWith({ ready: true, reasons: [] });
  const server = serveApp(app, "127.0.0.1", 0);
  try {
    const port = Number(new URL(server.url).port);
    throws(() => serveApp(app, "127.0.0.1", port), (error) => {
      match((error as Error).message, new RegExp(`127.0.0.1:${port}.*Set another port`));
      return true;
    });
    const answer = await fetch(`${server.url}/health`);
    deepStrictEqual(await answer.json(), { alive: true });
  } finally {
    await server.stop();
  }
});
