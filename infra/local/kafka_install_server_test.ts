import assert from "node:assert/strict";
import { installKafka } from "./kafka_install.ts";
import { StartFault } from "./start_fault.ts";
import { withTestDirectory } from "./test_servers.ts";

const { signal: never } = new AbortController();

async function jarsOf(directory: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(directory)) names.push(name);
  return names.sort();
}

Deno.test("two installations at once give one, with progress, and nothing half-done beside it", async () => {
  await withTestDirectory(async (data_dir) => {
    const tools_dir = `${data_dir}/tools`;
    const lines: string[] = [];
    const [one, other] = await Promise.all(
      [1, 2].map(() => installKafka((line) => lines.push(line), never, tools_dir)),
    );
    assert.equal(one!.jars_dir, other!.jars_dir);
    const jars = await jarsOf(one!.jars_dir);
    for (const needed of [/^kafka_2\.13-/, /^kafka-tools-/, /^log4j-slf4j-impl-/]) {
      assert.ok(jars.some((name) => needed.test(name)), `${needed}`);
    }
    assert.equal((await jarsOf(tools_dir)).length, 1);
    assert.match(lines.at(-1)!, /installed in \d+ s/);
  });
});

Deno.test("without Maven there is one clear fault, and an installation that is told to stop leaves nothing", async () => {
  await withTestDirectory(async (data_dir) => {
    const tools_dir = `${data_dir}/tools`;
    const stopped = AbortSignal.abort(new Error("stopped"));
    await assert.rejects(installKafka(() => {}, stopped, tools_dir), /stopped/);
    assert.deepEqual(await jarsOf(tools_dir), []);

    // A PATH with Java alone.
    const { stdout } = await new Deno.Command("sh", { args: ["-c", "command -v java"] }).output();
    const programs = `${data_dir}/programs`;
    await Deno.mkdir(programs);
    await Deno.symlink(new TextDecoder().decode(stdout).trim(), `${programs}/java`);
    const path = Deno.env.get("PATH")!;
    Deno.env.set("PATH", programs);
    try {
      await assert.rejects(
        installKafka(() => {}, never, tools_dir),
        (error) => error instanceof StartFault && /no Maven[^]*DATABASE_URL/.test(error.message),
      );
    } finally {
      Deno.env.set("PATH", path);
    }
    assert.deepEqual(await jarsOf(tools_dir), []);
  });
});
