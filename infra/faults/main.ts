/**
 * `deno task faults [--seed N] [name…]`: injects every fault, or those whose name holds a word, and
 * prints what came of it.
 */
import { parseArgs } from "node:util";
import { withFaultServers } from "./fault_servers.ts";
import { type Outcome, runScenario, type Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/all.ts";
import { formatOutcomes } from "./table.ts";

const { values, positionals } = parseArgs({
  args: Deno.args,
  options: { seed: { type: "string" }, list: { type: "boolean" } },
  allowPositionals: true,
});
const seed = values.seed === undefined
  ? crypto.getRandomValues(new Uint32Array(1))[0]!
  : Number(values.seed);
const named = SCENARIOS.filter(({ name }) =>
  positionals.length === 0 || positionals.some((part) => name.includes(part))
);
const chosen = named.filter((scenario) => scenario.isPossible?.() ?? true);
for (const { name } of named) {
  if (!chosen.some((scenario) => scenario.name === name)) {
    console.log(`left out: ${name} can't be done on this machine`);
  }
}

if (!Number.isSafeInteger(seed) || seed < 0 || chosen.length === 0) {
  console.error(
    chosen.length === 0
      ? `No fault that can be done here has a name with ${positionals.join(" or ")}. There are: ${
        SCENARIOS.map(({ name }) => name).join(", ")
      }`
      : `--seed must be a whole number from 0 on, and is ${JSON.stringify(values.seed)}`,
  );
  Deno.exit(2);
}
if (values.list) {
  for (const { fault, name } of chosen) console.log(`${fault} ${name}`);
  Deno.exit(0);
}
console.log(`${chosen.length} faults, seed ${seed} (again: deno task faults --seed ${seed})`);
const outcomes: Outcome[] = [];
const failed: string[] = [];
await withFaultServers(async (servers) => {
  for (const [at, scenario] of chosen.entries()) {
    const where = `${at + 1}/${chosen.length} ${scenario.name}`;
    const outcome = await tried(() => runScenario(servers, scenario, seed), scenario);
    if (outcome === null) continue;
    outcomes.push(outcome);
    const verdict = outcome.faults.length === 0 ? "exact" : outcome.faults.join("; ");
    console.log(`${where}: ${verdict} (${(outcome.elapsed_ms / 1000).toFixed(0)} s)`);
  }
}, (text) => console.log(text));
console.log(`\n${formatOutcomes(outcomes)}`);
for (const text of failed) console.log(text);
Deno.exit(failed.length > 0 || outcomes.some(({ faults }) => faults.length > 0) ? 1 : 0);

/** A fault that could not be judged does not keep the others from being tried. */
async function tried(
  run: () => Promise<Outcome>,
  { name }: Scenario,
): Promise<Outcome | null> {
  try {
    return await run();
  } catch (error) {
    failed.push((error as Error).message);
    console.log(`${name}: could not be judged\n${(error as Error).stack}`);
    return null;
  }
}
