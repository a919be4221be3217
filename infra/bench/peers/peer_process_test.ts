import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { sleep } from "../../../runtime/backoff.ts";
import type { PeerRun } from "./peer.ts";
import { startProcesses } from "./peer_process.ts";

const DEADLINE_MS = 10_000;

Deno.test("processes get their run and number, are told to stop, and leave no child", async () => {
  const dir = await Deno.makeTempDir({ prefix: "tapeline-peer-" });
  try {
    const run: PeerRun = {
      bootstrap: "none",
      input_topic: "in",
      output_topic: "out",
      group: "group of one's own",
      guarantee: "exactly_once",
      dir,
    };
    // The child ignores the signal that its parent ends by.
    const script = `(trap '' TERM; echo child; exec sleep 60) & trap 'echo stopped; exit 0' TERM
      echo "$PEER_WORKER $PEER_RUN"; while :; do wait; sleep 0.05; done`;
    const running = startProcesses(["sh", "-c", script], run, 2);
    const logs = () =>
      Promise.all([1, 2].map((at) =>
        Deno.readTextFile(`${dir}/worker-${at}.log`).then(
          (text) => text.trim().split("\n").sort(),
          () => [],
        )
      ));
    const give_up_at_ms = performance.now() + DEADLINE_MS;
    while (
      (await logs()).some((lines) => lines.length < 2) && performance.now() < give_up_at_ms
    ) await sleep(20);
    await running.stop();
    const line = JSON.stringify(run);
    deepStrictEqual(await logs(), [
      [`1 ${line}`, "child", "stopped"],
      [`2 ${line}`, "child", "stopped"],
    ]);
    strictEqual(await groupIsEmpty(running.pid), true);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** Whether no process is left of a group. */
async function groupIsEmpty(pid: number): Promise<boolean> {
  const { success } = await new Deno.Command("kill", {
    args: ["-0", "--", `-${pid}`],
    stderr: "null",
  }).output();
  return !success;
}
