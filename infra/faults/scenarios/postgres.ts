/** Fault 6: Postgres stops, hangs, takes no connection, is slow, or refuses a row. */
import { sleep, withDeadline } from "../../../runtime/backoff.ts";
import { openDatabase } from "../../../runtime/database.ts";
import { partitionOf } from "../../../contract/partition.ts";
import type { Tick } from "../../../contract/tick.ts";
import { serverSettings } from "../../local/postgres_server.ts";
import { eventually } from "../../testing/test_service.ts";
import { letterName, lettersOf, openBadInput, type Place } from "../bad_input.ts";
import type { Instance } from "../fleet.ts";
import { hitStatement } from "../hit_statement.ts";
import type { Fate } from "../messages.ts";
import { LOAD_TICKS_PER_S, type Platform, SYMBOLS } from "../platform.ts";
import type { Scenario, Scene } from "../scenario.ts";
import type { Passing } from "../statement_proxy.ts";
import { assertNothingStored, isReady, LOOK_MS, readiness } from "./sink_readiness.ts";

const DEADLINE_MS = 30_000;
const MOMENTS: readonly Passing["moment"][] = ["copy_data", "commit_asked", "commit_answered"];
const HANG_MS = 12_000;
const FULL_MS = 8_000;
const SLOW_MS = 36_000;
const REFUSED_ROWS = 30;
const MEGABYTE = 1_048_576;
/** Most that a process' memory may grow while the lag does: the batches that wait, not the lag. */
const SLOW_GROWTH_BYTES_MAX = 200 * MEGABYTE;
/** As it catches up it takes whole fetches: of the largest, 16 MB, 120,000 ticks are as many objects. */
const CATCH_UP_GROWTH_BYTES_MAX = 500 * MEGABYTE;

/** Resolves when the sink says what keeps it from working. */
async function says(sink: Instance, reason: RegExp, deadline_ms: number): Promise<void> {
  await eventually(
    async () => reason.test((await readiness(sink)).reasons.join("\n")),
    `the sink to say ${reason}`,
    deadline_ms,
  );
}

/** Shuts Postgres down in the middle of a transaction of the sink, and starts it again. */
async function shutDownAt(
  { platform: { servers }, watch }: Scene,
  moment: Passing["moment"],
  shutDown: () => void,
): Promise<void> {
  const { postgres, statements } = servers;
  const { ended } = postgres.process();
  await hitStatement(statements, moment, async (): Promise<Fate> => {
    shutDown();
    await ended;
    return "cut";
  });
  await withDeadline(ended, DEADLINE_MS, "Waiting for Postgres to end");
  await postgres.restart();
  await watch.caughtUp();
}

/** Takes every connection that Postgres has, the sink's too, as soon as it is free. */
function takeConnections({ direct, connections }: Platform): { release(): Promise<void> } {
  const { max_connections } = serverSettings(0);
  const others = openDatabase({
    url: direct.DATABASE_URL!,
    application_name: "others",
    pool_size: Number(max_connections),
    statement_timeout_ms: 60_000,
  });
  let released = false;
  const taking = Array.from({ length: Number(max_connections) }, async () => {
    while (!released) {
      // Refused until the sink's connection is ended; ended itself in the end.
      await others.sql`select pg_sleep(60)`.catch(() => sleep(10));
    }
  });
  return {
    async release() {
      released = true;
      others.cutConnections();
      await Promise.all(taking);
      await others.close();
      await connections.database.sql`
        select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'others'`;
    },
  };
}

/** Ends the sink's sessions; gives how many there were. */
async function endSessions({ connections }: Platform): Promise<number> {
  const ended = await connections.database.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'tapeline-sink' and datname = current_database()`;
  return ended.length;
}

/** Bytes of memory that an instance's process has; 0 on systems that do not tell it so. */
async function memoryBytes(instance: Instance): Promise<number> {
  if (Deno.build.os !== "linux") return 0;
  const status = await Deno.readTextFile(`/proc/${instance.process().pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

async function assertSteady(
  instances: readonly Instance[],
  before: readonly number[],
  growth_bytes_max: number,
): Promise<void> {
  for (const [at, instance] of instances.entries()) {
    const growth = await memoryBytes(instance) - before[at]!;
    if (growth <= growth_bytes_max) continue;
    throw new Error(
      `The ${instance.stage}'s memory grew by ${Math.round(growth / MEGABYTE)} MB, and may by ` +
        `${growth_bytes_max / MEGABYTE} MB`,
    );
  }
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "postgres-immediate-shutdown",
    fault: 6,
    async inject(scene) {
      const { postgres } = scene.platform.servers;
      for (const moment of MOMENTS) {
        await shutDownAt(scene, moment, () => Deno.kill(postgres.process().pid, "SIGQUIT"));
      }
      return MOMENTS.length;
    },
  },
  {
    name: "postgres-restart-in-copy",
    fault: 6,
    async inject(scene) {
      const { postgres } = scene.platform.servers;
      const times = 3;
      for (let time = 0; time < times; time++) {
        await shutDownAt(scene, "copy_data", () => void postgres.stop());
      }
      return times;
    },
  },
  {
    name: "postgres-hangs",
    fault: 6,
    environment: { TAPELINE_SINK_STATEMENT_TIMEOUT_MS: "2000" },
    async inject(scene) {
      const { fleet, servers: { postgres_network } } = scene.platform;
      const [sink] = fleet.of("sink");
      const ends_at_ms = performance.now() + HANG_MS;
      await postgres_network.poison({ type: "timeout", attributes: { timeout: 0 } });
      await says(sink!, /has not finished within|CONNECT/, HANG_MS);
      await sleep(LOOK_MS);
      const stored = scene.watch.stored();
      await sleep(ends_at_ms - performance.now());
      assertNothingStored(scene, stored);
      await postgres_network.heal();
      await scene.watch.caughtUp();
      await isReady(sink!);
      return 1;
    },
  },
  {
    name: "postgres-connections-used-up",
    fault: 6,
    async inject(scene) {
      const { platform, watch } = scene;
      const [sink] = platform.fleet.of("sink");
      const taken = takeConnections(platform);
      try {
        await eventually(
          async () =>
            await endSessions(platform) === 0 &&
            /too many clients/.test((await readiness(sink!)).reasons.join()),
          "the sink to find no connection",
          DEADLINE_MS,
        );
        await sleep(LOOK_MS);
        const stored = watch.stored();
        await sleep(FULL_MS);
        assertNothingStored(scene, stored);
      } finally {
        await taken.release();
      }
      await watch.caughtUp();
      await isReady(sink!);
      return 1;
    },
  },
  {
    name: "postgres-refuses-rows",
    fault: 6,
    async inject({ platform, watch, chance }) {
      const { connections: { database }, config } = platform;
      await database.sql`
        alter table ticks add constraint refused check (trade_id not like 'refused%') not valid`;
      await using input = await openBadInput(platform);
      const send = async (tick: Partial<Tick>): Promise<Place> => {
        const symbol = chance.pick(SYMBOLS);
        const value = { source: "simulator", symbol, price: 1, volume: 1, ...tick };
        const partition = partitionOf(symbol, config.tick_partitions);
        return await input.send(partition, { key: symbol, value: JSON.stringify(value) });
      };
      const refused: Place[] = [];
      for (let number = 0; number < REFUSED_ROWS; number++) {
        // Late, so that it is in no candle, as it is in no row.
        const timestamp = Date.now() - 60_000;
        refused.push(await send({ timestamp, trade_id: `refused ${number}` }));
        await send({ timestamp: Date.now(), trade_id: `beside ${number}` });
        await sleep(chance.between(0, 300));
      }
      const letters = await lettersOf(platform, ["sink"], refused);
      for (const place of refused) {
        const { reason } = letters.get(letterName("sink", place))!;
        if (reason !== "row_refused") throw new Error(`A row's letter has the reason ${reason}`);
      }
      const of_sink = [...letters.keys()].filter((name) => name.startsWith("sink "));
      if (of_sink.length !== REFUSED_ROWS) {
        throw new Error(`${REFUSED_ROWS} rows were refused, and ${of_sink.length} are letters`);
      }
      await watch.caughtUp();
      const beside = await database.sql`select from ticks where trade_id like 'beside%'`;
      if (beside.length !== REFUSED_ROWS) throw new Error(`${beside.length} good ones are stored`);
      return REFUSED_ROWS;
    },
  },
  {
    name: "postgres-slow",
    fault: 6,
    is_long: true,
    // Less than a batch passes in the time that a statement may take.
    environment: { TAPELINE_SINK_STATEMENT_TIMEOUT_MS: "3000" },
    async inject({ platform, watch }) {
      const { fleet, servers: { postgres_network }, progress } = platform;
      const instances = [...fleet.of("sink"), ...fleet.of("aggregator")];
      const before = await Promise.all(instances.map(memoryBytes));
      const stored = watch.stored();
      await postgres_network.poison({ type: "bandwidth", attributes: { rate: 40 } });
      await sleep(SLOW_MS / 4);
      const stored_early = watch.stored();
      await sleep(SLOW_MS * 3 / 4);
      const behind_s = await progress.behind_s();
      const ticks_per_s = Number(watch.stored() - stored) / (SLOW_MS / 1000);
      if (behind_s < 5) throw new Error(`The slow database has left it ${behind_s} s behind`);
      if (ticks_per_s > LOAD_TICKS_PER_S / 2) throw new Error(`It stored ${ticks_per_s} ticks/s`);
      if (watch.stored() === stored_early) {
        throw new Error("The slow database brought it to a stop");
      }
      await assertSteady(instances, before, SLOW_GROWTH_BYTES_MAX);
      await postgres_network.heal();
      await watch.caughtUp();
      await assertSteady(instances, before, CATCH_UP_GROWTH_BYTES_MAX);
      return 1;
    },
  },
];
