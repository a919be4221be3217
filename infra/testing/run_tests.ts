/**
 * `deno task test`: runs every test there is, then says in one line how many passed and failed.
 * With --unit, those that need no server.
 */
import { leftProcesses } from "./left_processes.ts";
import { addCounts, type Counts, readCounts } from "./test_counts.ts";
import { ROOT, sourceFiles } from "../conformance/source_files.ts";

const SERVER_TEST = "_server_test.ts";

const unit_only = Deno.args.includes("--unit");
const named = Deno.args.filter((argument) => !argument.startsWith("--"));

const tests = sourceFiles().filter((file) => file.endsWith("_test.ts"))
  .filter((file) => named.length === 0 || named.some((part) => file.includes(part)));
const unit_tests = tests.filter((file) => !file.endsWith(SERVER_TEST));
const server_tests = unit_only ? [] : tests.filter((file) => file.endsWith(SERVER_TEST));

if (unit_tests.length + server_tests.length === 0) {
  console.error(`There is no test whose path holds ${named.join(" or ")}`);
  Deno.exit(1);
}

const left_before = await leftProcesses();
let counts: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const group of [unit_tests, ...server_tests.map((file) => [file])]) {
  if (group.length > 0) counts = addCounts(counts, await runGroup(group));
}
const left = (await leftProcesses()).filter((line) => !left_before.includes(line));
for (const line of left) {
  console.error(`A test has left a process behind: ${line}`);
  counts.failed++;
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
Deno.exit(counts.failed > 0 ? 1 : 0);

/** Runs some test files in one process, shows what it says, and counts. */
async function runGroup(files: readonly string[]): Promise<Counts> {
  const started_at = Date.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", "--quiet", ...files],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    env: { NO_COLOR: "1" },
  }).spawn();
  let told = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    Deno.stdout.writeSync(new TextEncoder().encode(text));
    told += text;
  }
  const { success } = await child.status;
  const found = readCounts(told);
  const seconds = ((Date.now() - started_at) / 1000).toFixed(1);
  console.log(
    `${files.length === 1 ? files[0] : `${files.length} files of unit tests`}: ${seconds} s`,
  );
  if (found !== null && success === (found.failed === 0)) return found;
  console.error(`${files.join(" ")}: the test process ended without a result that can be believed`);
  return { passed: 0, failed: 1, skipped: 0 };
}
