import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";

/** Runs a service whose work is given as code, and gives its exit code and its log. */
async function runWork(
  work: string,
  env: { [variable: string]: string } = {},
): Promise<
  {
    code: number;
    lines: { level: string; message: string; event?: string; error?: string; gauge?: string }[];
  }
> {
  const code = `
    import { runService } from "${import.meta.resolve("./service.ts")}";
    import { SERVICE_SETTINGS } from "${import.meta.resolve("./settings.ts")}";
    import { SetupError } from "${import.meta.resolve("./setup_error.ts")}";
    const readiness = () => ({ ready: true, reasons: [] });
    await runService({
      name: "test", settings: SERVICE_SETTINGS, metrics: {}, start: async (context) => (${work}),
    });`;
  const { code: exit_code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--ext=ts",
      `--config=${new URL("../deno.json", import.meta.url).pathname}`,
      code,
    ],
    env,
    stdin: "null",
    stderr: "inherit",
  }).output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return { code: exit_code, lines: lines.map((line) => JSON.parse(line)) };
}

Deno.test("work that fails while the service stops is said, and told by the exit code", async () => {
  const { code, lines } = await runWork(`{
    readiness,
    finished: Promise.resolve(),
    stop: async () => context.fail(new Error("Kafka refuses the batch")),
  }`);
  strictEqual(code, 1);
  const told = lines.find(({ event }) => event === "failed");
  deepStrictEqual([told?.level, told?.error], ["error", "Kafka refuses the batch"]);
});

Deno.test("the first failure decides the exit code, later ones are said too", async () => {
  const { code, lines } = await runWork(`(
    context.fail(new SetupError("another cluster")),
    { readiness, stop: () => Promise.reject(new Error("the queue was not empty")) }
  )`);
  strictEqual(code, 2);
  deepStrictEqual(
    lines.filter(({ level }) => level === "error").map(({ error }) => error),
    ["another cluster", "the queue was not empty"],
  );
});

Deno.test("what a stop that failed leaves undone is said", async () => {
  const { code, lines } = await runWork(`{
    readiness,
    finished: Promise.resolve(),
    stop: () => Promise.reject(new Error("Kafka is away")),
    unfinished: () => ["7 ticks were not confirmed"],
  }`);
  strictEqual(code, 1);
  deepStrictEqual(lines.find(({ event }) => event === "unfinished")?.level, "error");
});

Deno.test("work that has ended by itself ends the process in order", async () => {
  const { code, lines } = await runWork(`{
    readiness,
    finished: Promise.resolve(),
    stop: () => Promise.resolve(),
  }`);
  strictEqual(code, 0);
  ok(lines.some(({ event }) => event === "stopped"));
});

Deno.test("a service's readiness is a metric, right when nobody asks /ready", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const gauge = `(await (await fetch("http://127.0.0.1:${port}/metrics")).text())
    .match(/^tapeline_ready\\{service="test"\\} (.*)$/m)?.[1]`;
  const { lines } = await runWork(
    `await (async () => {
      const look = async (when) => context.log.info(when, { event: "looked", gauge: ${gauge} });
      await look("starting");
      let ready = true;
      return {
        readiness: () => ({ ready, reasons: [] }),
        finished: (async () => {
          // The start is over when this function has returned.
          await new Promise((resolve) => setTimeout(resolve));
          await look("ready");
          ready = false;
          await look("not ready any more");
        })(),
        stop: () => look("stopping"),
      };
    })()`,
    { TAPELINE_OPERATIONS_PORT: String(port) },
  );
  deepStrictEqual(
    lines.filter(({ event }) => event === "looked").map(({ message, gauge }) => [message, gauge]),
    [["starting", "0"], ["ready", "1"], ["not ready any more", "0"], ["stopping", "0"]],
  );
});
