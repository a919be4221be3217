/** A disk that is full before the start, that fills during it, and that fills while all runs. */
import assert from "node:assert/strict";
import { exists } from "./files.ts";
import { canMakeSmallDisk, fillDisk, onSmallDisk, seenBy } from "./test_small_disk.ts";
import { assertNothingLeft, eventually, notedPids, runStart, storedRows } from "./test_start.ts";
import { withTestDirectory } from "./test_servers.ts";

const MEGABYTE = 1_048_576;
const ROOMY_BYTES = 800 * MEGABYTE;
/** An ordered stop, as issue 3 promises it. */
const STOP_MS_MAX = 10_000;

const ignore = !canMakeSmallDisk();

/** One message that names the disk and the way out, and no stack. */
function assertDiskNamed(output: string, data_dir: string): void {
  assert.match(output, new RegExp(`disk under ${data_dir} is full`));
  assert.match(output, /Make room, or choose another place with --data-dir/);
  assert.ok(!/\n {4}at /.test(output), `A stack is shown:\n${output}`);
}

Deno.test({ name: "a disk that is full before the start is named", ignore, fn: fullBefore });

async function fullBefore(t: Deno.TestContext): Promise<void> {
  const fill = ["sh", "-c", 'head -c 2000000 /dev/zero >"$0/ballast"; exec "$@"'];
  for (
    const { name, size_bytes, filled } of [
      { name: "some room, and too little", size_bytes: 100 * MEGABYTE, filled: false },
      { name: "not a byte", size_bytes: MEGABYTE, filled: true },
    ]
  ) {
    await t.step(name, async () => {
      await withTestDirectory(async (data_dir) => {
        const prefix = [
          ...onSmallDisk(data_dir, size_bytes),
          ...filled ? [...fill, data_dir] : [],
        ];
        await using stack = runStart(data_dir, [], {}, prefix);
        assert.equal((await stack.ended()).code, 1, stack.output());
        assertDiskNamed(stack.output(), data_dir);
        await assertNothingLeft(data_dir);
      });
    });
  }
}

Deno.test({ name: "a disk that fills while the servers start is named", ignore, fn: fullDuring });

async function fullDuring(t: Deno.TestContext): Promise<void> {
  for (
    const { name, begun } of [
      { name: "while they make their data directories", begun: "postgres" },
      { name: "while they start on them", begun: "logs/kafka.log" },
    ]
  ) {
    await t.step(name, async () => {
      await withTestDirectory(async (data_dir) => {
        await using stack = runStart(data_dir, [], {}, onSmallDisk(data_dir, ROOMY_BYTES));
        const own_dir = seenBy(stack.pid, data_dir);
        await eventually(
          () => exists(`${own_dir}/${begun}`),
          10_000,
          () => `It has not begun:\n${stack.output()}`,
        );
        await fillDisk(`${own_dir}/ballast`);
        assert.equal((await stack.ended()).code, 1, stack.output());
        assertDiskNamed(stack.output(), data_dir);
        await assertNothingLeft(data_dir);
      });
    });
  }
}

Deno.test({
  name:
    "a disk that fills while all runs is named; with room again all goes on and no tick is lost",
  ignore,
  fn: async () => {
    await withTestDirectory(async (data_dir) => {
      const ticks = 4_000;
      const rows = Array.from(
        { length: ticks },
        (_, index) => `S${index % 5},${100 + index % 7},1,${1_380_000_000_000 + index * 5}`,
      );
      await using file = await tempFile(`symbol,price,volume,timestamp\n${rows.join("\n")}\n`);
      await using stack = runStart(
        data_dir,
        ["--file", file.path, "--speed", "realtime", "--until-drained"],
        {},
        onSmallDisk(data_dir, ROOMY_BYTES),
      );
      await stack.says("Tapeline runs");
      const own_dir = seenBy(stack.pid, data_dir);
      const { postgres, supervisor, sink } = await stack.endpoints();
      await eventually(
        async () => await storedRows(postgres!) > 0,
        10_000,
        () => `Nothing is stored:\n${stack.output()}`,
      );

      await fillDisk(`${own_dir}/ballast`);
      await stack.says("kafka waits for room: the disk under");
      const disk = await stack.disk();
      assert.equal((await stack.parts()).get("kafka")!.state, "restarting");
      assert.deepEqual(disk, { path: data_dir, free_bytes: disk.free_bytes, is_full: true });
      const readiness = await (await fetch(`${supervisor}/ready`)).json();
      assert.match(readiness.reasons[0], /^the disk under .* is full \(0 MB free\): make room$/);
      // A service can be started again without room for the note and the addresses of it.
      Deno.kill((await notedPids(own_dir)).get("sink")!, "SIGKILL");
      await eventually(
        async () => {
          const { state, restarts } = (await stack.parts()).get("sink")!;
          return restarts === 1 && state === "running";
        },
        20_000,
        () => `The sink is not back:\n${stack.output()}`,
      );
      await fillDisk(`${own_dir}/ballast`);
      await stack.says(`|  the disk under ${data_dir} is full`, 30_000);

      await Deno.remove(`${own_dir}/ballast`);
      await stack.says("kafka runs again", 30_000);
      await eventually(
        async () => (await fetch(`${supervisor}/ready`).then((response) => response.json())).ready,
        30_000,
        () => `It is not ready again:\n${stack.output()}`,
      );
      assert.equal((await stack.parts()).get("kafka")!.restarts, 1);
      assert.equal(stack.output().split("kafka waits for room").length - 1, 1, stack.output());
      assert.notEqual((await stack.endpoints()).sink, sink);

      assert.equal((await stack.ended()).code, 0, stack.output());
      assert.match(stack.output(), /The ledger balances: 4,000 ticks/);
      await assertNothingLeft(data_dir);
    });
  },
});

Deno.test({
  name: "a stop while the disk is full is in order",
  ignore,
  fn: async () => {
    await withTestDirectory(async (data_dir) => {
      await using stack = runStart(data_dir, [], {}, onSmallDisk(data_dir, ROOMY_BYTES));
      await stack.says("Tapeline runs");
      const own_dir = seenBy(stack.pid, data_dir);
      const pids = await notedPids(own_dir);
      await fillDisk(`${own_dir}/ballast`);
      await stack.says("kafka waits for room");
      stack.signal("SIGTERM");
      const { code, elapsed_ms } = await stack.ended();
      assert.equal(code, 0, stack.output());
      assert.ok(elapsed_ms < STOP_MS_MAX, `The stop took ${elapsed_ms} ms`);
      await assertNothingLeft(data_dir, pids.values());
    });
  },
});

async function tempFile(text: string): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempFile({ prefix: "tapeline-disk-", suffix: ".csv" });
  await Deno.writeTextFile(path, text);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}
