/** Fault 1: kill -9 of the aggregator, at chosen points of a transaction and at random. */
import { sleep } from "../../../runtime/backoff.ts";
import { API, type Frame } from "../kafka_proxy.ts";
import type { Scenario, Scene } from "../scenario.ts";

/** Points of a transaction as the broker sees them. */
const POINTS: { name: string; is: (frame: Frame) => boolean }[] = [
  { name: "before-send", is: at(API.produce, "request") },
  { name: "between-send-and-offsets", is: at(API.txn_offset_commit, "request") },
  { name: "before-commit", is: at(API.end_txn, "request") },
  { name: "after-commit", is: at(API.end_txn, "reply") },
];
/** Kills at each point. */
const TIMES = 3;
const RANDOM_TIMES = 20;
const HIT_DEADLINE_MS = 30_000;

function at(api_key: number, direction: Frame["direction"]): (frame: Frame) => boolean {
  return (frame) =>
    frame.client_id === "aggregator" && frame.in_transaction &&
    frame.api_key === api_key && frame.direction === direction;
}

/** Kills the aggregator as soon as such a frame passes; the frame itself goes no further. */
async function killAt(
  { platform, watch }: Scene,
  is: (frame: Frame) => boolean,
): Promise<void> {
  const [aggregator] = platform.fleet.of("aggregator");
  const { frames } = platform.servers;
  const hit = Promise.withResolvers<void>();
  const pid = aggregator!.process().pid;
  frames.decideBy((frame) => {
    if (!is(frame)) return "pass";
    frames.decideBy(null);
    aggregator!.kill();
    hit.resolve();
    return "cut";
  });
  await withDeadlineFor(hit.promise, "a frame of the transaction to pass");
  await aggregator!.process().over;
  while (aggregator!.process().pid === pid) await sleep(20);
  await watch.caughtUp();
}

async function withDeadlineFor(hit: Promise<void>, what: string): Promise<void> {
  const given_up = sleep(HIT_DEADLINE_MS).then(() => {
    throw new Error(`Waited ${HIT_DEADLINE_MS / 1000} s in vain for ${what}`);
  });
  await Promise.race([hit, given_up]);
}

export const SCENARIOS: readonly Scenario[] = [
  ...POINTS.map(({ name, is }): Scenario => ({
    name: `aggregator-killed-${name}`,
    fault: 1,
    async inject(scene) {
      for (let time = 0; time < TIMES; time++) await killAt(scene, is);
      return TIMES;
    },
  })),
  {
    name: "aggregator-killed-at-random",
    fault: 1,
    is_long: true,
    async inject({ platform, watch, chance }) {
      const [aggregator] = platform.fleet.of("aggregator");
      const { frames } = platform.servers;
      let open = 0;
      for (let time = 0; time < RANDOM_TIMES; time++) {
        const restarts = aggregator!.restarts();
        await sleep(chance.between(50, 400));
        if (frames.openTransactions("aggregator") > 0) open++;
        aggregator!.kill();
        while (aggregator!.restarts() === restarts) await sleep(20);
        await aggregator!.process().ready();
        await watch.moves(100, HIT_DEADLINE_MS);
      }
      if (open < RANDOM_TIMES / 4) throw new Error(`Only ${open} kills hit an open transaction`);
      return RANDOM_TIMES;
    },
  },
];
