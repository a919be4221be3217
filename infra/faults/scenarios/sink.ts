/** Fault 5: kill -9 of the sink around COMMIT, and two sinks that believe they own one partition. */
import { sinkPositions } from "../../local/lag.ts";
import { eventually } from "../../testing/test_service.ts";
import type { Instance } from "../fleet.ts";
import { hitStatement } from "../hit_statement.ts";
import { API } from "../kafka_proxy.ts";
import type { Fate } from "../messages.ts";
import { type Platform, SESSION_TIMEOUT_MS } from "../platform.ts";
import type { Scenario, Scene } from "../scenario.ts";
import type { Passing } from "../statement_proxy.ts";

const KILLS = 3;
const DEADLINE_MS = 30_000;
/** A stopped instance's partitions are taken over within its session timeout and this. */
const TAKEOVER_MARGIN_MS = 5_000;
/** The server ends a session that leaves a transaction idle for longer (runtime/database.ts). */
const IDLE_TRANSACTION_TIMEOUT_MS = 10_000;
/** A member that does not join again is expelled after this: the sink's rebalance timeout. */
const EXPULSION_MS = 10_000;
/** So many batches of the zombie are refused before it hears the truth. */
const REFUSALS = 3;

/** Kills the sink at a moment of a transaction; what passes then goes no further. */
async function killAt({ platform, watch }: Scene, moment: Passing["moment"]): Promise<void> {
  const [sink] = platform.fleet.of("sink");
  const restarts = sink!.restarts();
  await hitStatement(platform.servers.statements, moment, () => {
    sink!.kill();
    return "cut";
  });
  await eventually(
    () => Promise.resolve(sink!.restarts() > restarts),
    "the sink to be started again",
    DEADLINE_MS,
  );
  await watch.caughtUp();
}

/** The places (`topic/partition`) that an instance believes it owns. */
async function owned(sink: Instance): Promise<Set<string>> {
  const metrics = await sink.process().metrics();
  const found = metrics.matchAll(/^tapeline_sink_next_offset\{(.*)\} /gm);
  return new Set(
    [...found].map(([, labels]) => {
      const label = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(labels!)![1];
      return `${label("topic")}/${label("partition")}`;
    }),
  );
}

/** How often an instance found that another had moved a position. */
async function refusals(sink: Instance): Promise<number> {
  const metrics = await sink.process().metrics();
  const found = /^tapeline_errors_total\{kind="position_moved".*\} (\d+)/m.exec(metrics);
  return Number(found?.[1] ?? 0);
}

/** Resolves when two instances share what there is. */
async function shared(one: Instance, other: Instance): Promise<void> {
  await eventually(
    async () => {
      const [left, right] = [await owned(one), await owned(other)];
      return left.size > 0 && right.size > 0 && left.isDisjointFrom(right);
    },
    "two sinks to share the partitions",
    DEADLINE_MS,
  );
}

/** Resolves when the position of every partition has moved. */
async function eachPartitionMoves(platform: Platform, deadline_ms: number): Promise<void> {
  const { connections: { database, cluster_id }, config: { sink_group, tick_topic } } = platform;
  const look = () => sinkPositions(database, sink_group, cluster_id, tick_topic);
  const before = await look();
  await eventually(
    async () => {
      const now = await look();
      return [...before].every(([partition, offset]) => now.get(partition)! > offset);
    },
    "every partition to be taken over",
    deadline_ms,
  );
}

async function stopInOrder(sink: Instance): Promise<void> {
  const code = await sink.stop();
  if (code !== 0) throw new Error(`The other sink's ordered stop ended with ${code}`);
}

/** Freezes the sink at a moment of a transaction, which is held until another has taken over. */
async function freezeAt(
  { platform, watch }: Scene,
  moment: Passing["moment"],
  takeover_ms: number,
): Promise<number> {
  const [frozen] = platform.fleet.of("sink");
  const { statements } = platform.servers;
  const born = statements.connections();
  const other = platform.fleet.add("sink");
  await shared(frozen!, other);

  const awake = Promise.withResolvers<Fate>();
  const decide = (): Promise<Fate> => {
    frozen!.freeze();
    return awake.promise;
  };
  await hitStatement(statements, moment, decide, born);
  try {
    await eachPartitionMoves(platform, takeover_ms);
    // All that it had, the other has, and the frozen one does not know.
    await eventually(
      async () => (await owned(other)).size === 2 * platform.config.tick_partitions,
      "the other sink to have every partition",
      takeover_ms,
    );
  } finally {
    awake.resolve("pass");
    frozen!.thaw();
  }
  await shared(frozen!, other);
  await watch.caughtUp();
  const refused = await refusals(frozen!);
  await stopInOrder(other);
  await watch.caughtUp();
  return refused;
}

export const SCENARIOS: readonly Scenario[] = [
  ...([["before", "commit_asked"], ["after", "commit_answered"]] as const).map((
    [when, moment],
  ): Scenario => ({
    name: `sink-killed-${when}-commit`,
    fault: 5,
    async inject(scene) {
      for (let time = 0; time < KILLS; time++) await killAt(scene, moment);
      return KILLS;
    },
  })),
  {
    name: "sink-zombie",
    fault: 5,
    async inject({ platform, watch }) {
      const { fleet, config, servers: { frames } } = platform;
      const [zombie] = fleet.of("sink");
      const born = frames.connections();
      // The group goes on without it, and it hears that all is well: it fetches and stores.
      frames.decideBy((frame) =>
        frame.client_id === "sink" && frame.connection < born &&
          frame.api_key === API.heartbeat && frame.direction === "reply"
          ? "reassure"
          : "pass"
      );
      const other = fleet.add("sink");
      await eventually(
        async () => {
          const both = (await owned(zombie!)).intersection(await owned(other));
          return [...both].some((place) => place.startsWith(`${config.tick_topic}/`));
        },
        "two sinks to believe that they own one partition",
        EXPULSION_MS + SESSION_TIMEOUT_MS + TAKEOVER_MARGIN_MS,
      );
      await eventually(
        async () => await refusals(zombie!) >= REFUSALS,
        "the zombie's batches to be refused",
        DEADLINE_MS,
      );
      frames.decideBy(null);
      await shared(zombie!, other);
      await watch.caughtUp();
      await stopInOrder(other);
      await watch.caughtUp();
      return 1;
    },
  },
  {
    name: "sink-frozen-in-copy",
    fault: 5,
    async inject(scene) {
      const takeover_ms = SESSION_TIMEOUT_MS + TAKEOVER_MARGIN_MS;
      const refused = await freezeAt(scene, "copy_data", takeover_ms);
      if (refused === 0) throw new Error("The thawed sink's batch was not refused");
      return 1;
    },
  },
  {
    // The position is locked until Postgres ends the session that a machine which has halted leaves.
    name: "sink-frozen-at-commit",
    fault: 5,
    async inject(scene) {
      const takeover_ms = IDLE_TRANSACTION_TIMEOUT_MS + TAKEOVER_MARGIN_MS;
      await freezeAt(scene, "commit_asked", takeover_ms);
      return 1;
    },
  },
];
