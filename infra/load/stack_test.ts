import { rejects, strictEqual } from "node:assert/strict";
import { StartFault } from "../local/start_fault.ts";
import { takeLock } from "../local/lock.ts";
import { withTestDirectory } from "../local/test_servers.ts";
import { withStack } from "./stack.ts";

Deno.test("a load beside one that runs is refused, and leaves that one's data alone", async () => {
  await withTestDirectory(async (dir) => {
    const path = `${dir}/report.html`;
    await Deno.writeTextFile(path, "kept");
    using _running = await takeLock(dir);
    const options = { data_dir: dir, sources: ["http"], environment: {} };
    await rejects(
      withStack(options, () => {}, new AbortController().signal, () => Promise.resolve()),
      (error) => error instanceof StartFault && error.message.includes(`process ${Deno.pid}`),
    );
    strictEqual(await Deno.readTextFile(path), "kept");
  });
});
