/** Keeping a server, with one that is none. */
import assert from "node:assert/strict";
import { keepServer } from "./kept_server.ts";
import type { LocalServer } from "./local_server.ts";
import { eventually } from "./test_start.ts";
import { withTestDirectory } from "./test_servers.ts";

/** A server that dies when it is told, and whose restarts do as a test says. */
function fakeServer(restart: (stopping?: AbortSignal) => Promise<void>): {
  server: LocalServer;
  die(): void;
} {
  let ended = Promise.withResolvers<Deno.CommandStatus>();
  const status = { success: false, code: 1, signal: null };
  const die = () => ended.resolve(status);
  const stop = () => Promise.resolve(die());
  return {
    die,
    server: {
      name: "kafka",
      port: 1,
      ports: () => [1],
      process: () => ({
        name: "kafka",
        pid: 1,
        log_path: "",
        log_offset: 0,
        ended: ended.promise,
        hasEnded: () => false,
        stop,
        kill: stop,
      }),
      stop,
      kill: stop,
      async restart(stopping) {
        await restart(stopping);
        ended = Promise.withResolvers();
      },
    },
  };
}

Deno.test("a restart that fails is tried again, and is no further death", async () => {
  await withTestDirectory(async (data_dir) => {
    let attempts = 0;
    const { server, die } = fakeServer(() => {
      attempts++;
      return attempts < 3 ? Promise.reject(new Error("the port is taken")) : Promise.resolve();
    });
    const lines: string[] = [];
    const kept = keepServer(server, data_dir, (line) => lines.push(line));
    die();
    await eventually(
      () => Promise.resolve(attempts === 3 && kept.status().state === "running"),
      10_000,
      () => `It is not back: ${lines.join("; ")}`,
    );
    assert.equal(kept.status().restarts, 1);
    assert.deepEqual(lines, [
      "kafka has ended (exit code 1); it is started again",
      "the port is taken",
      "the port is taken",
      "kafka runs again",
    ]);
    await kept.stop();
  });
});

Deno.test("a stop does not wait for a restart that hangs", async () => {
  await withTestDirectory(async (data_dir) => {
    let restarting = false;
    const { server, die } = fakeServer((stopping) => {
      restarting = true;
      return new Promise((_, reject) =>
        stopping!.addEventListener("abort", () => reject(stopping!.reason))
      );
    });
    const kept = keepServer(server, data_dir, () => {});
    die();
    await eventually(() => Promise.resolve(restarting), 5_000, () => "It is not started again");
    await kept.stop();
    assert.equal(kept.status().state, "stopped");
  });
});
