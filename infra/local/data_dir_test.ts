/** Files in the data directory: the lock, the log, the addresses, room for them. */
import assert from "node:assert/strict";
import { assertRoom, toldByDisk } from "./disk_room.ts";
import { clearEndpoints, writeEndpoints } from "./endpoints.ts";
import { exists, writeAtomically } from "./files.ts";
import { takeLock } from "./lock.ts";
import { openLogFile } from "./log_file.ts";
import { processIdentity } from "./process_identity.ts";
import { noteProcess, stopOrphans } from "./run_note.ts";
import { stackFiles } from "./stack_files.ts";
import { StartFault } from "./start_fault.ts";
import { withTestDirectory } from "./test_servers.ts";

Deno.test("a data directory has one holder, who is named, and is free when that one gives it up", async () => {
  await withTestDirectory(async (data_dir) => {
    const first = await takeLock(data_dir);
    await assert.rejects(
      takeLock(data_dir),
      (error) => error instanceof StartFault && error.message.includes(`process ${Deno.pid}`),
    );
    first[Symbol.dispose]();
    (await takeLock(data_dir))[Symbol.dispose]();
  });
});

Deno.test("a disk without room, and a directory that can't be made, are clear faults", async () => {
  await withTestDirectory(async (data_dir) => {
    await assertRoom(data_dir, 1);
    await assert.rejects(
      assertRoom(data_dir, Number.MAX_SAFE_INTEGER),
      (error) => error instanceof StartFault && /disk under .* is full/.test(error.message),
    );
    await Deno.writeTextFile(`${data_dir}/file`, "");
    await assert.rejects(
      takeLock(`${data_dir}/file/below`),
      (error) => error instanceof StartFault && /--data-dir/.test(error.message),
    );
  });
});

Deno.test("a log file is set aside when it is full, and only once", async () => {
  await withTestDirectory(async (data_dir) => {
    const path = `${data_dir}/x.log`;
    const log = openLogFile(path, 10, () => assert.fail("It can write"));
    for (const text of ["12345\n", "67890\n", "abcde\n", "f\n"]) log.write(text);
    log.close();
    assert.equal(await Deno.readTextFile(path), "abcde\nf\n");
    assert.equal(await Deno.readTextFile(`${path}.1`), "67890\n");
  });
});

Deno.test("a log that can't be opened anew is told of once, and goes on when it can", async () => {
  await withTestDirectory(async (data_dir) => {
    await Deno.mkdir(`${data_dir}/logs`);
    const path = `${data_dir}/logs/x.log`;
    const faults: string[] = [];
    const log = openLogFile(path, 10, (fault) => faults.push(fault));
    log.write("12345678\n");
    await Deno.remove(`${data_dir}/logs`, { recursive: true });
    log.write("lost\n");
    log.write("lost too\n");
    assert.equal(faults.length, 1);
    await Deno.mkdir(`${data_dir}/logs`);
    log.write("kept\n");
    log.close();
    assert.equal(await Deno.readTextFile(path), "kept\n");
  });
});

Deno.test("a file that can't be put in its place leaves nothing beside it", async () => {
  await withTestDirectory(async (data_dir) => {
    await Deno.mkdir(`${data_dir}/x/taken`, { recursive: true });
    await assert.rejects(writeAtomically(`${data_dir}/x/taken`, "text"));
    assert.deepEqual([...Deno.readDirSync(`${data_dir}/x`)].map(({ name }) => name), ["taken"]);
  });
});

Deno.test("an error for want of room names the disk, and any other stays as it is", async () => {
  await withTestDirectory(async (data_dir) => {
    for (
      const text of [
        "Cannot format:\njava.io.IOException: No space left on device",
        "Disk quota exceeded (os error 122): writefile 'x'",
      ]
    ) {
      const told = await toldByDisk(data_dir, new Error(text));
      assert.ok(told instanceof StartFault);
      assert.match(told.message, /^The disk under .* is full\. Make room, [^]*What it stopped: \w/);
      assert.ok(!told.message.includes("IOException"));
    }
    const other = new Error("the port is taken");
    assert.equal(await toldByDisk(data_dir, other), other);
  });
});

Deno.test("addresses are for their owner alone, targets are Prometheus', and both end", async () => {
  await withTestDirectory(async (data_dir) => {
    await writeEndpoints(data_dir, { kafka: "127.0.0.1:1" }, [
      { service: "sink", operations_url: "http://127.0.0.1:2" },
    ]);
    assert.equal((await Deno.stat(`${data_dir}/endpoints.json`)).mode! & 0o777, 0o600);
    const targets = async () => JSON.parse(await Deno.readTextFile(`${data_dir}/targets.json`));
    assert.deepEqual(await targets(), [
      { targets: ["127.0.0.1:2"], labels: { job: "sink", service: "sink" } },
    ]);
    await clearEndpoints(data_dir);
    await assert.rejects(Deno.stat(`${data_dir}/endpoints.json`), Deno.errors.NotFound);
    assert.deepEqual(await targets(), []);
  });
});

Deno.test("addresses end where targets can't be written, and a rewrite goes on until it can", async () => {
  await withTestDirectory(async (data_dir) => {
    await Deno.mkdir(`${data_dir}/targets.json`);
    await clearEndpoints(data_dir);
    assert.equal(await exists(`${data_dir}/targets.json`), false);

    await Deno.mkdir(`${data_dir}/endpoints.json`);
    const servers = {
      bootstrap_servers: ["k:1"],
      database_url: "postgres://p",
      parts: [],
      targets: () => [{ service: "kafka", operations_url: "http://127.0.0.1:3" }],
    };
    const files = stackFiles(data_dir, servers, { all: [] }, "http://s", () => null);
    const lines: string[] = [];
    await files.rewrite((line) => {
      lines.push(line);
      Deno.removeSync(`${data_dir}/endpoints.json`);
    }, new AbortController().signal);
    assert.equal(lines.length, 1);
    assert.match(await Deno.readTextFile(`${data_dir}/endpoints.json`), /"kafka": "k:1"/);
    assert.deepEqual(JSON.parse(await Deno.readTextFile(`${data_dir}/targets.json`)), [
      { targets: ["127.0.0.1:3"], labels: { job: "kafka", service: "kafka" } },
    ]);
  });
});

Deno.test("orphans that do not stop in order are killed, services before servers", async () => {
  await withTestDirectory(async (data_dir) => {
    const spawn = (script: string): Deno.ChildProcess =>
      new Deno.Command("sh", { args: ["-c", script], stdout: "piped", detached: true }).spawn();
    const deaf = spawn("trap '' TERM; echo deaf; while :; do sleep 0.02; done");
    const server = spawn("echo here; exec sleep 60");
    for (const child of [deaf, server]) await child.stdout[Symbol.asyncIterator]().next();
    const noted = { stop_signal: "SIGTERM", stop_deadline_ms: 100 } as const;
    await noteProcess(data_dir, { ...noted, name: "deaf", kind: "service", pid: deaf.pid });
    await noteProcess(data_dir, { ...noted, name: "kafka", kind: "server", pid: server.pid });

    const ends: string[] = [];
    deaf.status.then(({ signal }) => ends.push(`deaf ${signal}`));
    server.status.then(({ signal }) => ends.push(`kafka ${signal}`));
    assert.deepEqual(await stopOrphans(data_dir), ["deaf", "kafka"]);
    await Promise.all([deaf.status, server.status]);
    assert.deepEqual(ends, ["deaf SIGKILL", "kafka SIGTERM"]);
    assert.equal(await processIdentity(deaf.pid), null);
  });
});
