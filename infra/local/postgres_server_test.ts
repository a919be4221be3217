import assert from "node:assert/strict";
import postgresClient from "postgres";
import { freePorts, LOOPBACK } from "./free_port.ts";
import { startPostgres } from "./postgres_server.ts";
import { stopOrphans } from "./run_note.ts";
import { StartFault } from "./start_fault.ts";
import { withServers, withTestDirectory } from "./test_servers.ts";

async function query(database_url: string, text: string): Promise<Record<string, unknown>[]> {
  const sql = postgresClient(database_url, { max: 1 });
  try {
    return [...await sql.unsafe(text)];
  } finally {
    await sql.end();
  }
}

Deno.test("Postgres keeps its rows over an ordered restart and over kill -9, on the same port", async () => {
  await withServers({ postgres: true }, async ({ postgres, database_url }) => {
    await query(database_url, "CREATE TABLE kept AS SELECT 7 AS number");
    await postgres.restart();
    assert.equal(postgres.database_url, database_url);
    assert.deepEqual(await query(database_url, "TABLE kept"), [{ number: 7 }]);

    await query(database_url, "INSERT INTO kept VALUES (8)");
    await postgres.kill();
    await assert.rejects(query(database_url, "TABLE kept"));
    await postgres.restart();
    assert.deepEqual(await query(database_url, "TABLE kept"), [{ number: 7 }, { number: 8 }]);
  });
});

Deno.test("Postgres is of version 17, in UTF-8, and refuses a wrong password", async () => {
  await withServers({ postgres: true }, async ({ database_url, data_dir }) => {
    const [row] = await query(
      database_url,
      `SELECT current_setting('server_version_num')::int / 10000 AS version,
              current_setting('server_encoding') AS encoding,
              'é' ~ '[[:alpha:]]' AS knows_letters`,
    );
    assert.deepEqual({ ...row }, { version: 17, encoding: "UTF8", knows_letters: true });

    const wrong = new URL(database_url);
    wrong.password = "guessed";
    await assert.rejects(query(wrong.href, "SELECT 1"), /password authentication failed/);
    const { mode } = await Deno.stat(`${data_dir}/postgres/password`);
    assert.equal(mode! & 0o077, 0);
  });
});

Deno.test("who looks at statistics sees others' sessions and sizes, reads no row and makes nothing", async () => {
  await withServers({ postgres: true }, async ({ postgres, database_url }) => {
    const { monitor_url } = postgres;
    await query(database_url, "CREATE TABLE secret AS SELECT 7 AS number");
    const [own] = await query(
      monitor_url,
      `SELECT rolsuper, rolcreaterole, rolcreatedb,
         ARRAY(SELECT roleid::regrole::text FROM pg_auth_members WHERE member = pg_roles.oid) AS of
       FROM pg_roles WHERE rolname = current_user`,
    );
    assert.deepEqual({ ...own }, {
      ...{ rolsuper: false, rolcreaterole: false, rolcreatedb: false },
      of: ["pg_monitor"],
    });
    for (const text of ["TABLE secret", "DELETE FROM secret", "CREATE TABLE mine (number int)"]) {
      await assert.rejects(query(monitor_url, text), /permission denied/, text);
    }
    const admin = postgresClient(database_url);
    await admin`SELECT 1`;
    const seen = await query(
      monitor_url,
      "SELECT state FROM pg_stat_activity WHERE usename = 'tapeline' AND datname = 'tapeline'",
    );
    assert.deepEqual(seen.map(({ state }) => state), ["idle"]);
    await admin.end();

    // It is the same role after a restart of the server, and gets another password at a start.
    await postgres.restart();
    assert.equal((await query(monitor_url, "SELECT 1")).length, 1);
  });
});

Deno.test("each new database of a test is empty, and two servers do not share theirs", async () => {
  await withServers({ postgres: true }, async (one) => {
    await withServers({ postgres: true }, async (other) => {
      const [first, second] = [await one.newDatabase(), await one.newDatabase()];
      assert.notEqual(first, second);
      await query(first, "CREATE TABLE here (number int)");
      for (const url of [second, other.database_url, await other.newDatabase()]) {
        await assert.rejects(query(url, "TABLE here"), /does not exist/);
      }
    });
  });
});

Deno.test("an orphan is found by its note and stopped; a note whose process is another one is not followed", async () => {
  await withServers({ postgres: true }, async ({ data_dir, postgres }) => {
    const note_path = `${data_dir}/run/postgres.json`;
    const note = await Deno.readTextFile(note_path);
    await Deno.writeTextFile(
      note_path,
      JSON.stringify({ ...JSON.parse(note), identity: "of an earlier process" }),
    );
    assert.deepEqual(await stopOrphans(data_dir), []);
    assert.equal(postgres.process().hasEnded(), false);

    await Deno.writeTextFile(note_path, note);
    assert.deepEqual(await stopOrphans(data_dir), ["postgres"]);
    assert.equal((await postgres.process().ended).code, 0);
  });
});

Deno.test("Postgres listens on the port that is asked for, and a taken one is a clear fault", async () => {
  const [port] = freePorts(1);
  await withTestDirectory(async (data_dir) => {
    using _taken = Deno.listen({ hostname: LOOPBACK, port: port! });
    await assert.rejects(
      startPostgres({ data_dir, port: port! }),
      (error) =>
        error instanceof StartFault && error.message.includes(`${LOOPBACK}:${port}`) &&
        error.message.includes("TAPELINE_POSTGRES_PORT"),
    );
  });
  await withTestDirectory(async (data_dir) => {
    const server = await startPostgres({ data_dir, port: port! });
    assert.equal(new URL(server.database_url).port, String(port));
    await server.stop();
  });
});
