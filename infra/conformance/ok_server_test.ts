import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { withTestDirectory } from "../local/test_servers.ts";
import { UNIT_TESTS_SECONDS } from "../testing/unit_tests.ts";
import { ROOT } from "./source_files.ts";

/** Files and folders of a checkout that are not the project's own. */
const NOT_COPIED = ["node_modules", ".git", ".tapeline"];

/** A fault, where it is put, and the step of `deno task ok` that must find it. */
const FAULTS: { name: string; step: string; path: string; text: string; told: RegExp }[] = [
  {
    name: "a wrong format",
    step: "ok:format",
    path: "contract/fault.ts",
    text: "export   const x = 1\n",
    told: /contract\/fault\.ts/,
  },
  {
    name: "a lint fault",
    step: "ok:lint",
    path: "contract/fault.ts",
    text: "export const x = (value: string): boolean => value == null;\n",
    told: /contract\/fault\.ts/,
  },
  {
    name: "a type error",
    step: "ok:types",
    path: "contract/fault.ts",
    text: 'export const x: number = "1";\n',
    told: /contract\/fault\.ts/,
  },
  {
    name: "an undocumented public function",
    step: "ok:unit documentation_test.ts",
    path: "contract/fault.ts",
    text: "export function untold(): void {}\n",
    told: /function untold has no docstring/,
  },
  {
    name: "a service without its same-name parts",
    step: "ok:unit pipeline_test.ts",
    path: "services/gateway/main.ts",
    text: "export {};\n",
    told: /services\/gateway is no service/,
  },
  {
    name: "a generated file that is not up to date",
    step: "ok:generated",
    path: "README.md",
    text: "<!-- benchmarks:begin -->\n<!-- benchmarks:end -->\n" +
      "<!-- variables: written by `deno task readme` -->\n<!-- /variables -->\n",
    told: /not up to date: README\.md/,
  },
  {
    name: "a report of the benchmarks that its raw data does not make",
    step: "ok:generated",
    path: "docs/benchmarks/README.md",
    text: "# Benchmarks\n\nThe fastest.\n",
    told: /not up to date: docs\/benchmarks\/README\.md/,
  },
  {
    name: "a board that was changed and not written",
    step: "ok:generated",
    path: "infra/generated/grafana/dashboards/sink.json",
    text: "{}\n",
    told: /Not as .* writes them: infra\/generated\/grafana\/dashboards\/sink\.json/,
  },
];

Deno.test("deno task ok passes as it is, and fails on each kind of fault", async (test) => {
  await withTestDirectory(async (directory) => {
    const copy = `${directory}/copy`;
    await copyTree(ROOT, copy, NOT_COPIED);
    await Deno.symlink(`${ROOT}node_modules`, `${copy}/node_modules`);
    const { tasks } = JSON.parse(await Deno.readTextFile(`${copy}/deno.json`));

    await test.step("as it is, whole, in under a minute", async () => {
      const steps = tasks.ok.split(" && ").map((step: string) => step.replace("deno task ", ""));
      ok(steps.includes("ok:unit"), `deno task ok runs only ${steps}`);
      // A whole run has run the unit tests just now, and says how long they took.
      const unit_seconds = Deno.env.get(UNIT_TESTS_SECONDS);
      const started_at_ms = performance.now();
      for (const step of steps) {
        if (step === "ok:unit" && unit_seconds !== undefined) continue;
        deepStrictEqual(await runStep(copy, step), { passes: true, output: "" });
      }
      const seconds = (performance.now() - started_at_ms) / 1000 + Number(unit_seconds ?? 0);
      ok(seconds < 60, `it took ${seconds} s`);
    });

    for (const { name, step, path, text, told } of FAULTS) {
      await test.step(name, async () => {
        match(tasks.ok, new RegExp(`deno task ${step.split(" ")[0]}\\b`));
        const before = await readIfThere(`${copy}/${path}`);
        await Deno.mkdir(`${copy}/${path.slice(0, path.lastIndexOf("/") + 1)}`, {
          recursive: true,
        });
        await Deno.writeTextFile(`${copy}/${path}`, text);
        const { passes, output } = await runStep(copy, step);
        strictEqual(passes, false, `${step} has passed`);
        match(output, told);
        if (before === null) await Deno.remove(`${copy}/${path}`);
        else await Deno.writeTextFile(`${copy}/${path}`, before);
      });
    }
  });
});

/** Runs a step; where it passes its output is of no interest. */
async function runStep(
  directory: string,
  step: string,
): Promise<{ passes: boolean; output: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", ...step.split(" ")],
    cwd: directory,
    env: { NO_COLOR: "1" },
  }).output();
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return success ? { passes: true, output: "" } : { passes: false, output };
}

async function copyTree(from: string, to: string, leave_out: readonly string[]): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (leave_out.includes(name)) continue;
    if (isDirectory) await copyTree(`${from}/${name}`, `${to}/${name}`, []);
    else if (isFile) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
