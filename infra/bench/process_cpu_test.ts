import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { followCpu, parseStat, treeOf } from "./process_cpu.ts";

Deno.test("a line of /proc/pid/stat is read past a name that holds anything", () => {
  const line = "42 (a ) b (c) S 7 42 42 0 -1 4194560 100 0 0 0 150 50 9 9 20 0 11 0 5 9999 25 184";
  deepStrictEqual(parseStat(line), { parent: 7, cpu_seconds: 2, memory_bytes: 25 * 4_096 });
});

Deno.test("a tree is a process and all that descend from it", () => {
  const process = (parent: number) => ({ parent, cpu_seconds: 0, memory_bytes: 0 });
  const processes = new Map([[1, process(0)], [2, process(1)], [3, process(2)], [4, process(1)]]);
  deepStrictEqual(treeOf(2, processes), [2, 3]);
  deepStrictEqual(treeOf(5, processes), []);
});

Deno.test("what a process used is known, its children's included", async () => {
  // The work is its child's, which is over before anybody asks.
  const work = "i=0; while [ $i -lt 600000 ]; do i=$((i+1)); done";
  const child = new Deno.Command("sh", {
    args: ["-c", `sh -c '${work}'; echo done; read wait`],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const cpu = followCpu({ busy: child.pid });
  try {
    await child.stdout.pipeTo(
      new WritableStream({
        write(_, controller) {
          controller.error(new Error("done"));
        },
      }),
    ).catch(() => {});
    const { busy } = cpu.seconds();
    ok(busy! > 0.2, `it has used ${busy} s`);
    ok(cpu.memory_bytes_max().busy! > 100_000);
  } finally {
    cpu.stop();
    child.kill();
    strictEqual((await child.status).success, false);
    await child.stdin.abort().catch(() => {});
  }
});
