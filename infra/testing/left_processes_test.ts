import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { leftProcesses } from "./left_processes.ts";

Deno.test({
  name: "a process that is left behind is found, and is not once it has ended",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const mark = `left-by-${crypto.randomUUID()}`;
    const child = new Deno.Command("sh", { args: ["-c", "read line", mark], stdin: "piped" })
      .spawn();
    try {
      const found = await leftProcesses([mark]);
      strictEqual(found.length, 1);
      match(found[0]!, new RegExp(`^${child.pid} .*read line ${mark}`));
    } finally {
      child.kill("SIGKILL");
      await child.stdin.close().catch(() => {});
      await child.status;
    }
    deepStrictEqual(await leftProcesses([mark]), []);
  },
});
