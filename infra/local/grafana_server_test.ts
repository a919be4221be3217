import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { migrate } from "../../services/sink/migrate.ts";
import { withDatabase } from "../../services/sink/sink_test_data.ts";
import { ROOT } from "../conformance/source_files.ts";
import { findGrafana, makeReader, startGrafana } from "./grafana.ts";
import { withServers } from "./test_servers.ts";

function as(role: string, password: string, database_url: string): string {
  const url = new URL(database_url);
  url.username = role;
  url.password = password;
  return url.href;
}

Deno.test("the role that Grafana reads by reads every table, also those to come, and changes none", async () => {
  await withServers({ postgres: true }, async ({ database_url }) => {
    await withDatabase(database_url, migrate);
    await makeReader(database_url, "first'password");
    await withDatabase(
      database_url,
      ({ sql }) => sql`CREATE TABLE later AS SELECT 1 AS one`,
    );
    const url = as("tapeline_reader", "first'password", database_url);
    await withDatabase(url, async ({ sql }) => {
      for (const table of ["ticks", "candles", "kafka_offsets"]) {
        strictEqual((await sql`SELECT * FROM ${sql(table)}`).length, 0);
      }
      deepStrictEqual([...await sql`SELECT one FROM later`], [{ one: 1 }]);
      await rejects(sql`DELETE FROM ticks`, /read-only transaction|permission denied/);
      await rejects(
        sql.begin(async (transaction) => {
          await transaction`SET TRANSACTION READ WRITE`;
          await transaction`DELETE FROM ticks`;
        }),
        /permission denied/,
      );
      await rejects(sql`SELECT * FROM pg_authid`, /permission denied/);
    });
    // A later start gives it another password.
    await makeReader(database_url, "second");
    await rejects(withDatabase(url, ({ sql }) => sql`SELECT 1`), /password authentication failed/);
    const second = as("tapeline_reader", "second", database_url);
    strictEqual((await withDatabase(second, ({ sql }) => sql`SELECT 1`)).length, 1);
  });
});

const has_psql = await new Deno.Command("psql", { args: ["--version"] }).output()
  .then(({ success }) => success, () => false);

Deno.test({
  name: "psql makes both roles as at the first start of the container, and shows no password",
  ignore: !has_psql,
  async fn() {
    await withServers({ postgres: true }, async ({ database_url }) => {
      const run = async (env: { [variable: string]: string }) =>
        await new Deno.Command("psql", {
          args: [
            "--set=ON_ERROR_STOP=1",
            "--no-password",
            "--file",
            `${ROOT}infra/postgres/initdb/roles.sql`,
            database_url,
          ],
          env,
        }).output();
      const passwords = {
        POSTGRES_READER_PASSWORD: "readerspassword",
        POSTGRES_MONITOR_PASSWORD: "monitorspassword",
      };
      const { success, stdout, stderr } = await run(passwords);
      const told = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      ok(success, told);
      ok(!/readerspassword|monitorspassword/.test(told), told);
      // The sink's tables come after the roles.
      await withDatabase(database_url, migrate);
      const reader = as("tapeline_reader", "readerspassword", database_url);
      strictEqual((await withDatabase(reader, ({ sql }) => sql`SELECT * FROM ticks`)).length, 0);
      const monitor = as("tapeline_monitor", "monitorspassword", database_url);
      await withDatabase(monitor, async ({ sql }) => {
        const [own] = await sql`SELECT pg_has_role('pg_monitor', 'member') AS member`;
        strictEqual(own!.member, true);
        await rejects(sql`SELECT * FROM ticks`, /permission denied/);
      });
      const without = await run({ POSTGRES_READER_PASSWORD: "x" });
      strictEqual(without.success, false);
      match(new TextDecoder().decode(without.stderr), /monitor_password/);
    });
  },
});

/** Serves what Grafana would, and tells its environment: Grafana itself can't be had here. */
const STAND_IN = `
const { GF_SERVER_HTTP_ADDR: hostname, GF_SERVER_HTTP_PORT: port } = Deno.env.toObject();
Deno.serve({ hostname, port: Number(port) }, () =>
  Response.json({ arguments: Deno.args, environment: Deno.env.toObject() }));
`;

Deno.test("a program in Grafana's place is run with a password of its own and a role that reads", async () => {
  await withServers({ postgres: true }, async ({ data_dir, database_url }) => {
    await withDatabase(database_url, migrate);
    const home = `${data_dir}/home`;
    await Deno.mkdir(`${home}/bin`, { recursive: true });
    await Deno.mkdir(`${home}/conf`);
    await Deno.writeTextFile(`${home}/conf/defaults.ini`, "");
    await Deno.writeTextFile(`${home}/stand_in.ts`, STAND_IN);
    await Deno.writeTextFile(
      `${home}/bin/grafana`,
      `#!/bin/sh\nexec ${Deno.execPath()} run -A --no-config ${home}/stand_in.ts "$@"\n`,
      { mode: 0o755 },
    );
    const command = await findGrafana(`${home}/bin`);
    const told: string[] = [];
    const options = {
      data_dir,
      port: null,
      progress: (line: string) => void told.push(line),
      stopping: new AbortController().signal,
    };
    const sources = { prometheus_url: "http://p", jaeger_url: "http://j", database_url };
    const run = async () => {
      const server = await startGrafana(command!, options, sources);
      const answer = await (await fetch(`http://127.0.0.1:${server.port}/api/health`)).json();
      await server.stop();
      return answer;
    };
    const { arguments: words, environment } = await run();
    deepStrictEqual(words, ["server", `--homepath=${home}`]);
    const reader = as("tapeline_reader", environment.POSTGRES_READER_PASSWORD, database_url);
    strictEqual((await withDatabase(reader, ({ sql }) => sql`SELECT * FROM candles`)).length, 0);

    const path = `${data_dir}/grafana/admin_password`;
    strictEqual((await Deno.stat(path)).mode! & 0o777, 0o600);
    const password = environment.GF_SECURITY_ADMIN_PASSWORD;
    strictEqual((await Deno.readTextFile(path)).trim(), password);
    ok(told.join("\n").includes(path) && !told.join("\n").includes(password));
    // Grafana keeps the first password that it was given.
    strictEqual((await run()).environment.GF_SECURITY_ADMIN_PASSWORD, password);
  });
});
