import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { Hono } from "hono";
import { withDeadline } from "./backoff.ts";
import { operationsApp, type Readiness, serveApp } from "./operations_server.ts";

function appWith(readiness: Readiness): ReturnType<typeof operationsApp> {
  return operationsApp({
    readiness: () => readiness,
    expose: (open_metrics) =>
      Promise.resolve({ text: "x 1\n", content_type: open_metrics ? "open" : "plain" }),
    logs: (contains) => ["one", "other"].filter((line) => line.includes(contains ?? "")),
  });
}

Deno.test("the newest log lines are told, all or those with a text in them", async () => {
  const app = appWith({ ready: true, reasons: [] });
  strictEqual(await (await app.request("/logs")).text(), "one\nother\n");
  strictEqual(await (await app.request("/logs?contains=oth")).text(), "other\n");
  strictEqual(await (await app.request("/logs?contains=none")).text(), "");
});

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

Deno.test("a request half sent that stays open does not hold a stop", async () => {
  const app = new Hono();
  const reading = Promise.withResolvers<void>();
  app.post("/", async (context) => {
    reading.resolve();
    return context.text(await context.req.text());
  });
  // The cut body is an error to the handler; Hono would write it to the console.
  app.onError((error, context) => context.text(error.message, 500));
  const server = serveApp(app, "127.0.0.1", 0);
  const { hostname, port } = new URL(server.url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const half = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf";
  await connection.write(new TextEncoder().encode(half));
  await reading.promise;
  await withDeadline(server.stop(), 3_000, "Stopping the server");
});
