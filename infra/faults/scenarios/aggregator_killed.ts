/** Fault 1: kill -9 of the aggregator, at chosen points of a transaction and at random. */
import { sleep } from "../../../runtime/backoff.ts";
import { eventually } from "../../testing/test_service.ts";
import type { Instance } from "../fleet.ts";
import { hitFrame, ofTransaction } from "../hit_frame.ts";
import { API, type Frame } from "../kafka_proxy.ts";
import type { Scenario, Scene } from "../scenario.ts";

/** Points of a transaction as the broker sees them. */
const POINTS: { name: string; is: (frame: Frame) => boolean }[] = [
  { name: "before-send", is: ofTransaction(API.produce, "request") },
  { name: "between-send-and-offsets", is: ofTransaction(API.txn_offset_commit, "request") },
  { name: "before-commit", is: ofTransaction(API.end_txn, "request") },
  { name: "after-commit", is: ofTransaction(API.end_txn, "reply") },
];
/** Kills at each point. */
const TIMES = 3;
const RANDOM_TIMES = 20;
const MOVE_DEADLINE_MS = 30_000;

/** Kills the aggregator as soon as such a frame passes; the frame itself goes no further. */
async function killAt(
  { platform, watch }: Scene,
  is: (frame: Frame) => boolean,
): Promise<void> {
  const [aggregator] = platform.fleet.of("aggregator");
  const restarts = aggregator!.restarts();
  await hitFrame(platform.servers.frames, is, () => {
    aggregator!.kill();
    return "cut";
  });
  await startedAnew(aggregator!, restarts);
  await watch.caughtUp();
}

async function startedAnew(aggregator: Instance, restarts: number): Promise<void> {
  await eventually(
    () => Promise.resolve(aggregator.restarts() > restarts),
    "the aggregator to be started anew",
  );
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
      for (let time = 0; time < RANDOM_TIMES; time++) {
        const restarts = aggregator!.restarts();
        await sleep(chance.between(50, 400));
        // Nearly always it has something by then; a kill of an idle one would show nothing.
        await eventually(
          () => Promise.resolve(frames.hasUncommitted("aggregator")),
          "the aggregator to have ticks that it has not committed",
        );
        aggregator!.kill();
        await startedAnew(aggregator!, restarts);
        await aggregator!.process().ready();
        await watch.moves(100, MOVE_DEADLINE_MS);
      }
      return RANDOM_TIMES;
    },
  },
];
