import { deepStrictEqual, rejects } from "node:assert/strict";
import { findServers } from "./find_servers.ts";

async function withEndpoints(text: string | null, test: (data_dir: string) => Promise<void>) {
  const data_dir = await Deno.makeTempDir({ prefix: "tapeline-find-" });
  try {
    if (text !== null) await Deno.writeTextFile(`${data_dir}/endpoints.json`, text);
    await test(data_dir);
  } finally {
    await Deno.remove(data_dir, { recursive: true });
  }
}

const WRITTEN = JSON.stringify({ kafka: "127.0.0.1:1", postgres: "postgres://a:b@127.0.0.1:2/c" });

Deno.test("servers come from the data directory", () =>
  withEndpoints(WRITTEN, async (data_dir) => {
    deepStrictEqual(await findServers(data_dir, { KEPT: "1" }, ["kafka", "postgres"]), {
      KEPT: "1",
      KAFKA_BOOTSTRAP_SERVERS: "127.0.0.1:1",
      DATABASE_URL: "postgres://a:b@127.0.0.1:2/c",
    });
  }));

Deno.test("a variable that is set wins, its alias too", () =>
  withEndpoints(WRITTEN, async (data_dir) => {
    deepStrictEqual(await findServers(data_dir, { KAFKA_BROKERS: "elsewhere:9092" }, ["kafka"]), {
      KAFKA_BROKERS: "elsewhere:9092",
    });
    const both = await findServers(data_dir, { DATABASE_URL: "postgres://x/y" }, [
      "kafka",
      "postgres",
    ]);
    deepStrictEqual(both.DATABASE_URL, "postgres://x/y");
    deepStrictEqual(both.KAFKA_BOOTSTRAP_SERVERS, "127.0.0.1:1");
  }));

Deno.test("where all is set, the data directory is not looked at", () =>
  withEndpoints("{cut", async (data_dir) => {
    const environment = { KAFKA_BROKERS: "elsewhere:9092", DATABASE_URL: "postgres://x/y" };
    deepStrictEqual(await findServers(data_dir, environment, ["kafka", "postgres"]), environment);
  }));

Deno.test("without a stack the error says what to do, in one sentence", async () => {
  await withEndpoints(null, (data_dir) =>
    rejects(
      findServers(data_dir, {}, ["kafka"]),
      /endpoints\.json does not exist\. Start one with deno task start.*KAFKA_BOOTSTRAP_SERVERS$/,
    ));
  await withEndpoints(
    "{}",
    (data_dir) =>
      rejects(
        findServers(data_dir, {}, ["kafka", "postgres"]),
        /names no kafka.*and DATABASE_URL$/,
      ),
  );
  await withEndpoints(
    "{cut",
    (data_dir) => rejects(findServers(data_dir, {}, ["kafka"]), /is not a JSON object/),
  );
});
