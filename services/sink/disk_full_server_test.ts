/** A database whose disk is really full says so, and goes on when there is room. */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { startPostgres } from "../../infra/local/postgres_server.ts";
import { canMakeSmallDisk, fillDisk, openSmallDisk } from "../../infra/local/test_small_disk.ts";
import { withTestDirectory } from "../../infra/local/test_servers.ts";
import { migrate } from "./migrate.ts";
import {
  countTicks,
  someTicks,
  startPosition,
  tickMessages,
  withDatabase,
} from "./sink_test_data.ts";
import { storeFault, storeSlice } from "./store.ts";
import { createTickPartitions } from "./tick_partitions.ts";
import { tickSlice } from "./tick_slice.ts";

const DISK_BYTES = 300 * 1_048_576;
const DEADLINE_MS = 10_000;
/** More than the pages that a table has been given already take. */
const ROWS = 5_000;

Deno.test({
  name: "a full disk is told from a database that is away; with room again the rows are stored",
  ignore: !canMakeSmallDisk(),
  async fn() {
    await withTestDirectory(async (data_dir) => {
      const mount_dir = `${data_dir}/disk`;
      await Deno.mkdir(mount_dir);
      await using opened = new AsyncDisposableStack();
      const disk = opened.use(await openSmallDisk(mount_dir, DISK_BYTES));
      const server = await startPostgres({ data_dir, port: null, disk });
      opened.defer(() => server.stop());
      await withDatabase(server.database_url, async (database) => {
        await migrate(database);
        const place = { topic: "ticks", partition: 0, from: 0n, to: BigInt(ROWS) };
        const slice = tickSlice(tickMessages(someTicks(ROWS), 0), place, Date.now());
        await createTickPartitions(database).ensure(slice.ingest_days);
        const owner = await startPosition(database);
        await fillDisk(`${disk.dir}/ballast`);
        await rejects(
          storeSlice(database, owner, slice, DEADLINE_MS),
          (error) => {
            strictEqual(storeFault(error), "disk_full", String(error));
            return true;
          },
        );
        await Deno.remove(`${disk.dir}/ballast`);
        await storeSlice(database, owner, slice, DEADLINE_MS);
        deepStrictEqual(await countTicks(database), { rows: ROWS, places: ROWS });
      });
    });
  },
});
