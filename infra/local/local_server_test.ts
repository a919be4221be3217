/** Starting a server, with a program that is none. */
import assert from "node:assert/strict";
import { startLocalServer } from "./local_server.ts";
import { spawnServer } from "./server_process.ts";
import { eventually, processesOf } from "./test_start.ts";
import { withTestDirectory } from "./test_servers.ts";

/** Its command line names the directory, so that it is found. */
const endless = (data_dir: string) => ({
  name: "endless",
  data_dir,
  command: ["sh", "-c", "exec sleep 60", data_dir],
  stop_signal: "SIGTERM" as const,
  stop_deadline_ms: 5_000,
});

Deno.test("a stop ends the wait for a server that does not get ready, and the server", async () => {
  await withTestDirectory(async (data_dir) => {
    const stopping = new AbortController();
    const reason = new Error("stopped by a test");
    let asked = 0;
    const starting = startLocalServer({
      name: "endless",
      port: null,
      port_variable: "",
      port_count: 1,
      ready_deadline_ms: 60_000,
      command: () => Promise.resolve(endless(data_dir)),
      isReady: () => Promise.resolve(++asked === 0),
    }, stopping.signal);
    await eventually(() => Promise.resolve(asked > 1), 5_000, () => "It is not waited for");
    stopping.abort(reason);
    await assert.rejects(starting, (error) => error === reason);
    assert.deepEqual(await processesOf(data_dir, []), []);
  });
});

Deno.test("a server that can't be noted is not left behind", async () => {
  await withTestDirectory(async (directory) => {
    const data_dir = `${directory}/data`;
    await Deno.mkdir(data_dir);
    await Deno.writeTextFile(`${data_dir}/run`, "no directory");
    await assert.rejects(spawnServer(endless(data_dir)));
    await eventually(
      async () => (await processesOf(data_dir, [])).length === 0,
      5_000,
      () => "Its shell is left",
    );
  });
});
