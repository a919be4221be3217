/** Fault 6, on: the disk of Postgres is full, then is not. */
import { sleep } from "../../../runtime/backoff.ts";
import { type LocalPostgres, startPostgres } from "../../local/postgres_server.ts";
import {
  canMakeSmallDisk,
  fillDisk,
  openSmallDisk,
  type SmallDisk,
} from "../../local/test_small_disk.ts";
import { withTestDirectory } from "../../local/test_servers.ts";
import { eventually } from "../../testing/test_service.ts";
import type { FaultServers } from "../fault_servers.ts";
import type { Scenario } from "../scenario.ts";
import { assertNothingStored, isReady, LOOK_MS, readiness } from "./sink_readiness.ts";

const MEGABYTE = 1_048_576;
const DISK_BYTES = 300 * MEGABYTE;
const FULL_MS = 6_000;
const DEADLINE_MS = 30_000;

let disk: SmallDisk;

/** Runs a test with a Postgres of its own, on a small disk; without the proxies. */
async function onSmallDisk<Result>(
  servers: FaultServers,
  test: (servers: FaultServers) => Promise<Result>,
): Promise<Result> {
  return await withTestDirectory(async (data_dir) => {
    const mount_dir = `${data_dir}/disk`;
    await Deno.mkdir(mount_dir);
    await using opened = new AsyncDisposableStack();
    disk = opened.use(await openSmallDisk(mount_dir, DISK_BYTES));
    const postgres = await startPostgres({ data_dir, port: null, disk });
    opened.defer(() => postgres.stop());
    return await test({ ...servers, postgres, proxiedUrl: (database_url) => database_url });
  });
}

/** As the supervisor does: Postgres may have ended for want of room. */
async function isBack(postgres: LocalPostgres, isThere: () => Promise<unknown>): Promise<void> {
  if (postgres.process().hasEnded()) await postgres.restart();
  await eventually(
    () => isThere().then(() => true, () => false),
    "Postgres to answer",
    DEADLINE_MS,
  );
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "postgres-disk-full",
    fault: 6,
    isPossible: canMakeSmallDisk,
    within: onSmallDisk,
    async inject(scene) {
      const { fleet, servers: { postgres }, connections: { database } } = scene.platform;
      const [sink] = fleet.of("sink");
      const ballast = `${disk.dir}/ballast`;
      await fillDisk(ballast);
      await eventually(
        async () => /No space left|ECONNREFUSED/.test((await readiness(sink!)).reasons.join()),
        "the sink to say that there is no room",
        DEADLINE_MS,
      );
      await sleep(LOOK_MS);
      const stored = scene.watch.stored();
      await sleep(FULL_MS);
      assertNothingStored(scene, stored);
      await Deno.remove(ballast);
      await isBack(postgres, () => database.sql`select 1`);
      await scene.watch.caughtUp();
      await isReady(sink!);
      return 1;
    },
  },
];
