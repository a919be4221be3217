/** Fault 2: an aggregator that is taken over and does not know it. */
import { groupPositions } from "../../local/lag.ts";
import { eventually } from "../../testing/test_service.ts";
import type { Instance } from "../fleet.ts";
import { hitFrame, ofTransaction } from "../hit_frame.ts";
import { API } from "../kafka_proxy.ts";
import type { Fate } from "../messages.ts";
import { type Platform, SESSION_TIMEOUT_MS } from "../platform.ts";
import type { Scenario, Scene } from "../scenario.ts";

/** A stopped instance's partitions are taken over within its session timeout and this. */
const TAKEOVER_MARGIN_MS = 5_000;
const TIMES = 2;

/** Resolves when the group's offset of every partition has moved. */
async function eachPartitionMoves(
  { connections, config }: Platform,
  deadline_ms: number,
): Promise<void> {
  const look = () => groupPositions(connections.admin, config.aggregator_group, config.tick_topic);
  const before = await look();
  await eventually(
    async () => {
      const now = await look();
      return Array.from({ length: config.tick_partitions }, (_, partition) => partition)
        .every((partition) => (now.get(partition) ?? 0n) > (before.get(partition) ?? 0n));
    },
    "every partition to be taken over",
    deadline_ms,
  );
}

/** Resolves when an instance has partitions of its own. */
async function hasPartitions(instance: Instance): Promise<void> {
  await eventually(
    async () =>
      /^tapeline_aggregator_partitions\S* [1-9]/m.test(await instance.process().metrics()),
    "the zombie to have partitions again",
  );
}

/** Resolves when it has said, after so many lines, that a transaction of its was refused. */
async function refused(zombie: Instance, after_lines: number): Promise<void> {
  const { lines, line } = zombie.process();
  await line((each) => each.event === "transaction_failed" && lines.indexOf(each) >= after_lines);
}

/** Another takes over, the zombie comes back and is refused, and has partitions in the end. */
async function takenOver(
  { platform, watch }: Scene,
  zombie: Instance,
  wake: () => void,
): Promise<void> {
  const said = zombie.process().lines.length;
  const other = platform.fleet.add("aggregator");
  // How long a process takes to start is no part of a takeover.
  await other.process().operationsUrl();
  await eachPartitionMoves(platform, SESSION_TIMEOUT_MS + TAKEOVER_MARGIN_MS);
  wake();
  await refused(zombie, said);
  platform.servers.frames.decideBy(null);
  await hasPartitions(zombie);
  await watch.caughtUp();
  const code = await other.stop();
  if (code !== 0) throw new Error(`The other aggregator's ordered stop ended with ${code}`);
  await watch.caughtUp();
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "aggregator-frozen-at-commit",
    fault: 2,
    async inject(scene) {
      const { frames } = scene.platform.servers;
      const [zombie] = scene.platform.fleet.of("aggregator");
      for (let time = 0; time < TIMES; time++) {
        const frozen = Promise.withResolvers<void>();
        const awake = Promise.withResolvers<void>();
        const freeze = async (): Promise<Fate> => {
          zombie!.freeze();
          frozen.resolve();
          // The broker gets this commit when another has the partition.
          await awake.promise;
          return "pass";
        };
        const hit = hitFrame(frames, ofTransaction(API.end_txn, "request"), freeze);
        // It is waited for below, and what goes wrong before that is told first.
        hit.catch(() => {});
        await Promise.race([frozen.promise, hit]);
        await takenOver(scene, zombie!, () => {
          awake.resolve();
          zombie!.thaw();
        });
        await hit;
      }
      return TIMES;
    },
  },
  {
    name: "aggregator-expelled-unknowing",
    fault: 2,
    is_long: true,
    async inject(scene) {
      const { frames } = scene.platform.servers;
      const [zombie] = scene.platform.fleet.of("aggregator");
      for (let time = 0; time < TIMES; time++) {
        const born = frames.connections();
        // It works on, and the group does not hear of it any more.
        frames.decideBy((frame) =>
          frame.client_id === "aggregator" && frame.connection < born &&
            frame.api_key === API.heartbeat && frame.direction === "request"
            ? "swallow"
            : "pass"
        );
        await takenOver(scene, zombie!, () => {});
      }
      return TIMES;
    },
  },
];
