/**
 * `deno task test`: runs every test there is, then says in one line how many passed and failed.
 * With --unit, those that need no server. Two files of server tests run at once.
 */
import { buildTools } from "./build_tools.ts";
import { leftProcesses } from "./left_processes.ts";
import { addCounts, type Counts, readCounts } from "./test_counts.ts";
import { UNIT_TESTS_SECONDS } from "./unit_tests.ts";
import { ROOT, sourceFiles } from "../conformance/source_files.ts";

const SERVER_TEST = "_server_test.ts";
/**
 * What measures how long something takes or how fast it goes: nothing runs beside these. They come
 * first, so that a fresh machine fetches Kafka once.
 */
const ALONE = [
  "services/producer/simulator_server_test.ts",
  "infra/proofs/first_candle_server_test.ts",
  "infra/load/load_server_test.ts",
  "infra/conformance/ok_server_test.ts",
];
/** Server tests wait a lot, each for servers of its own. */
const LANES = 2;
/** What waits nearly all the time, for alerts to fire and to end: first, in a lane of its own. */
const PATIENT = [
  "infra/proofs/alerts_server_test.ts",
  "infra/proofs/postgres_alert_server_test.ts",
];
/** What takes a minute and more comes before the others, so that no lane waits for it in the end. */
const LONG = [
  "infra/local/start_server_test.ts",
  "infra/local/observability_server_test.ts",
  "infra/faults/faults_server_test.ts",
  "infra/proofs/restart_server_test.ts",
  "infra/proofs/disorder_server_test.ts",
  "services/producer/outage_server_test.ts",
  "services/sink/sink_faults_server_test.ts",
];
/**
 * Half of a test run's CPU time went into optimizing Kafka's code for brokers that live for seconds:
 * the JVM's first compiler alone does for them.
 */
const SHORT_LIVED_JAVA = { JAVA_TOOL_OPTIONS: "-XX:TieredStopAtLevel=1" };

const unit_only = Deno.args.includes("--unit");
const named = Deno.args.filter((argument) => !argument.startsWith("--"));

const all_tests = sourceFiles().filter((file) => file.endsWith("_test.ts"));
const tests = all_tests
  .filter((file) => named.length === 0 || named.some((part) => file.includes(part)));
const unit_tests = tests.filter((file) => !file.endsWith(SERVER_TEST));
const server_tests = unit_only ? [] : tests.filter((file) => file.endsWith(SERVER_TEST));

for (const file of [...ALONE, ...PATIENT, ...LONG]) {
  if (!all_tests.includes(file)) throw new Error(`There is no test ${file}, which has its place`);
}
if (unit_tests.length + server_tests.length === 0) {
  console.error(`There is no test whose path holds ${named.join(" or ")}`);
  Deno.exit(1);
}

// A whole run checks all types once, in ok_server_test.ts.
const unchecked = named.length === 0 && !unit_only ? ["--no-check"] : [];
const left_before = await leftProcesses();
if (named.length === 0 && !unit_only) await buildTools((line) => tell(`${line}\n`));
let counts: Counts = { passed: 0, failed: 0, skipped: 0 };
const started_at_ms = performance.now();
if (unit_tests.length > 0) await runGroup(unit_tests, tell);
const unit_seconds = String((performance.now() - started_at_ms) / 1_000);
const whole_run = named.length === 0 && !unit_only ? { [UNIT_TESTS_SECONDS]: unit_seconds } : {};
for (const file of ALONE.filter((file) => server_tests.includes(file))) {
  await runGroup([file], tell, whole_run);
}
const others = server_tests.filter((file) => ![...ALONE, ...PATIENT, ...LONG].includes(file));
const waiting = [...LONG.filter((file) => server_tests.includes(file)), ...others];
const patient = PATIENT.filter((file) => server_tests.includes(file));
await Promise.all([
  runLane(patient).then(() => runLane(waiting)),
  ...Array.from({ length: LANES }, () => runLane(waiting)),
]);
const left = (await leftProcesses()).filter((line) => !left_before.includes(line));
for (const line of left) {
  console.error(`A test has left a process behind: ${line}`);
  counts.failed++;
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
Deno.exit(counts.failed > 0 ? 1 : 0);

/** Runs what waits in a line, one after another. */
async function runLane(line: string[]): Promise<void> {
  for (let file = line.shift(); file !== undefined; file = line.shift()) {
    // Told when it is over, so that two files that run at once do not talk into each other.
    const told: string[] = [];
    const hear = (text: string) => void told.push(text);
    await runGroup([file], hear, SHORT_LIVED_JAVA).finally(() => tell(told.join("")));
  }
}

/** Runs some test files in one process, tells what it says, and counts. */
async function runGroup(
  files: readonly string[],
  tell: (text: string) => void,
  environment: { [variable: string]: string } = {},
): Promise<void> {
  const started_at_ms = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    // In parallel where there are several: each file has a world of its own.
    args: ["test", "--allow-all", "--quiet", "--parallel", ...unchecked, ...files],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...environment },
  }).spawn();
  let told = "";
  const read = async (stream: ReadableStream<Uint8Array>, hear: (text: string) => void) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) hear(text);
  };
  await Promise.all([
    read(child.stdout, (text) => {
      told += text;
      tell(text);
    }),
    read(child.stderr, tell),
  ]);
  const { success } = await child.status;
  const seconds = ((performance.now() - started_at_ms) / 1000).toFixed(1);
  const what = files.length === 1 ? files[0] : `${files.length} files of unit tests`;
  tell(`${what}: ${seconds} s\n`);
  const found = readCounts(told);
  if (found !== null && success === (found.failed === 0)) {
    counts = addCounts(counts, found);
  } else {
    tell(`${what}: the test process ended without a result that can be believed\n`);
    counts.failed++;
  }
}

function tell(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
