/** Faults 8 and 9: instances that come and go, and an ordered stop of everything at any moment. */
import { sleep } from "../../../runtime/backoff.ts";
import type { Scenario } from "../scenario.ts";

const CHURN_MS = 60_000;
const INSTANCES_MAX = 3;
const STOPS = 10;
const FLOW_DEADLINE_MS = 60_000;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "consumers-come-and-go",
    fault: 8,
    is_long: true,
    async inject({ platform: { fleet }, watch, chance }) {
      const ends_at_ms = performance.now() + CHURN_MS;
      let changes = 0;
      while (performance.now() < ends_at_ms) {
        const stage = chance.pick(["aggregator", "sink"] as const);
        const instances = fleet.of(stage);
        const is_full = instances.length === INSTANCES_MAX;
        if (instances.length === 1 || (!is_full && chance.between(0, 1) === 0)) {
          fleet.add(stage);
        } else if (chance.between(0, 2) === 0) {
          await chance.pick(instances).discard();
        } else {
          const instance = chance.pick(instances);
          // A signal that comes before a process has begun to listen for it just ends it.
          await instance.process().operationsUrl();
          const code = await instance.stop();
          if (code !== 0) throw new Error(`An ordered stop of the ${stage} ended with ${code}`);
        }
        changes++;
        await sleep(chance.between(2_000, 4_000));
      }
      await watch.caughtUp();
      return changes;
    },
  },
  {
    name: "everything-stopped-in-order",
    fault: 9,
    is_long: true,
    // While the producer starts there is no tick.
    starves_source: true,
    async inject({ platform: { fleet }, watch, chance }) {
      const instances = (["producer", "aggregator", "sink"] as const)
        .flatMap((stage) => fleet.of(stage));
      for (let time = 0; time < STOPS; time++) {
        await sleep(chance.between(200, 2_000));
        await Promise.all(instances.map((instance) => instance.process().operationsUrl()));
        const codes = await Promise.all(instances.map((instance) => instance.restart()));
        if (codes.some((code) => code !== 0)) {
          throw new Error(`Ordered stops ended with ${codes.join(", ")}`);
        }
        await watch.moves(1_000, FLOW_DEADLINE_MS);
      }
      return STOPS;
    },
  },
];
