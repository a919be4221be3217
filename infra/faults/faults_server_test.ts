/**
 * A few of the faults that `deno task faults` injects, drawn by the day: the same ones for everybody
 * who asks on the same day, and others on the next.
 */
import { deepStrictEqual } from "node:assert/strict";
import { chanceOf } from "../testing/chance.ts";
import { withFaultServers } from "./fault_servers.ts";
import { type Outcome, runScenario, type Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/all.ts";
import { formatOutcomes } from "./table.ts";

const DAY_MS = 86_400_000;
const COUNT = 2;

const seed = Number(Deno.env.get("FAULTS_SEED") ?? Math.floor(Date.now() / DAY_MS));

/** As many that are not long, of different kinds. */
function drawn(): Scenario[] {
  const chance = chanceOf(seed);
  const left = SCENARIOS.filter(({ is_long, isPossible }) => !is_long && (isPossible?.() ?? true));
  const chosen: Scenario[] = [];
  while (chosen.length < COUNT && left.length > 0) {
    const [scenario] = left.splice(chance.between(0, left.length - 1), 1);
    if (!chosen.some(({ fault }) => fault === scenario!.fault)) chosen.push(scenario!);
  }
  return chosen;
}

Deno.test(`faults drawn by seed ${seed}: nothing is lost, doubled or torn`, async (test) => {
  const outcomes: Outcome[] = [];
  await withFaultServers(async (servers) => {
    for (const scenario of drawn()) {
      await test.step(`${scenario.fault} ${scenario.name}`, async () => {
        const outcome = await runScenario(servers, scenario, seed);
        outcomes.push(outcome);
        deepStrictEqual(outcome.faults, []);
      });
    }
  }, (text) => console.log(text));
  console.log(formatOutcomes(outcomes));
});
