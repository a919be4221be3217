import { deepStrictEqual } from "node:assert/strict";
import { withServers } from "../../infra/local/test_servers.ts";
import { eventually, withService } from "../../infra/testing/service_under_test.ts";
import {
  countTicks,
  makeTopics,
  sendRecords,
  sinkEnvironment,
  someTicks,
  tickRecord,
  withDatabase,
} from "./sink_test_data.ts";

Deno.test("ticks reach the database once, also those that come while it runs", async () => {
  await withServers({ kafka: true, postgres: true }, async ({ bootstrap, database_url }) => {
    const topics = await makeTopics(bootstrap, "happy");
    await sendRecords(bootstrap, someTicks(5_000).map((tick) => tickRecord(topics.ticks, tick)));
    await withService("sink", sinkEnvironment(bootstrap, database_url, topics), async (sink) => {
      await sink.ready();
      await withDatabase(database_url, async (database) => {
        await eventually(async () => (await countTicks(database)).rows === 5_000, "5,000 rows");
        await sendRecords(
          bootstrap,
          someTicks(500, 5_000).map((tick) => tickRecord(topics.ticks, tick)),
        );
        await eventually(async () => (await countTicks(database)).rows >= 5_500, "5,500 rows");
        deepStrictEqual(await countTicks(database), { rows: 5_500, places: 5_500 });
      });
      deepStrictEqual(await sink.stop(), 0);
    });
  });
});
