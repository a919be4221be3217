import { deepStrictEqual, doesNotMatch, rejects, strictEqual, throws } from "node:assert/strict";
import { once } from "node:events";
import { inspect } from "node:util";
import { startStatementProxy } from "../infra/faults/statement_proxy.ts";
import { withServers } from "../infra/local/test_servers.ts";
import { eventually } from "../infra/testing/test_service.ts";
import {
  answeredWithin,
  type Database,
  isPassing,
  openDatabase,
  type PoolUse,
  serverError,
} from "./database.ts";

function open(url: string, pool_size = 2): Database {
  return openDatabase({
    url,
    application_name: "test",
    pool_size,
    statement_timeout_ms: 5_000,
    connect_timeout_ms: 2_000,
  });
}

Deno.test("connections to a real Postgres", async (test) => {
  await withServers({ postgres: true }, async ({ database_url, postgres }) => {
    await test.step("say who they are and carry their limits", async () => {
      const { sql, close } = open(database_url);
      const [settings] = await sql`
        SELECT current_setting('application_name') AS name,
          current_setting('statement_timeout') AS statement,
          current_setting('idle_in_transaction_session_timeout') AS idle,
          current_setting('TimeZone') AS zone`;
      deepStrictEqual(settings, { name: "test", statement: "5s", idle: "10s", zone: "UTC" });
      await close();
    });

    await test.step("do not wait for delayed acknowledgements: a small COPY is quick", async () => {
      const { sql, close } = open(database_url, 1);
      await sql`CREATE TABLE copied (line text)`;
      const durations_ms: number[] = [];
      for (let round = 0; round < 21; round++) {
        const started_at = performance.now();
        await sql.begin(async (transaction) => {
          const stream = await transaction`COPY copied FROM STDIN`.writable();
          stream.end("a line\n");
          await once(stream, "finish");
        });
        durations_ms.push(performance.now() - started_at);
      }
      const median_ms = durations_ms.sort((left, right) => left - right)[10]!;
      // With Nagle's algorithm it is 40 ms at least.
      strictEqual(median_ms < 38, true, `median ${median_ms} ms`);
      await close();
    });

    await test.step("are cut at once when asked, and new ones work", async () => {
      const { sql, cutConnections, close } = open(database_url);
      // One that is still being made when it is cut is made anew, and nothing fails.
      await Promise.all([sql`SELECT pg_sleep(0.01)`, sql`SELECT pg_sleep(0.01)`]);
      const [quick, slow] = [sql`SELECT pg_sleep(0.01)`, sql`SELECT pg_sleep(60)`]
        .map((query) => query.execute());
      await quick;
      await eventually(
        async () =>
          (await sql`SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%'
            AND state = 'active' AND pid <> pg_backend_pid()`).length === 1,
        "the slow query's start",
      );
      cutConnections();
      await rejects(slow!, (error) => isPassing(error) && serverError(error) === null);
      deepStrictEqual((await sql`SELECT 2 AS two`)[0], { two: 2 });
      const started_at = performance.now();
      await close();
      strictEqual(performance.now() - started_at < 900, true);
    });

    await test.step("lost in the middle of a transaction reject it, and the pool goes on", async () => {
      const { sql, transaction, cutConnections, close } = open(database_url, 1);
      const other = open(database_url, 1);
      await sql`CREATE TABLE lost (line text)`;
      const losses: ((pid: number) => unknown)[] = [
        (pid) => other.sql`SELECT pg_terminate_backend(${pid})`.execute(),
        () => cutConnections(),
        () => postgres.kill().then(() => postgres.restart()),
      ];
      for (const lose of losses) {
        const lost = transaction(async (transaction_sql) => {
          const [backend] = await transaction_sql<{ pid: number }[]>`
            SELECT pg_backend_pid() AS pid`;
          const stream = await transaction_sql`COPY lost FROM STDIN`.writable();
          stream.end("a line\n");
          await once(stream, "finish");
          const slow = transaction_sql`SELECT pg_sleep(60)`.execute();
          await lose(backend!.pid);
          await slow;
        });
        await rejects(lost, isPassing);
        await eventually(async () => await sql`SELECT 1`.then(() => true, () => false), "the pool");
        strictEqual(await transaction(async (again) => (await again`TABLE lost`).length), 0);
      }
      await other.close();
      await close();
    });

    await test.step("tell how many there are, and how many transactions use them", async () => {
      const told: PoolUse[] = [];
      const { sql, transaction, close } = openDatabase({
        url: database_url,
        application_name: "test",
        pool_size: 2,
        statement_timeout_ms: 5_000,
        onUse: (use) => told.push(use),
      });
      const go = Promise.withResolvers<void>();
      const held = [1, 2, 3].map(() =>
        transaction(async (transaction_sql) => {
          await transaction_sql`SELECT 1`;
          await go.promise;
        })
      );
      // The third waits for a connection.
      await eventually(
        () => Promise.resolve(told.at(-1)!.transactions === 3 && told.at(-1)!.connections === 2),
        "three transactions over two connections",
      );
      go.resolve();
      await Promise.all(held);
      await rejects(transaction((transaction_sql) => transaction_sql`SELECT 1 / 0`.execute()));
      deepStrictEqual(told.at(-1), { connections: 2, transactions: 0 });
      const [row] = await sql`
        SELECT count(*)::int AS open FROM pg_stat_activity
        WHERE application_name = 'test' AND datname = current_database()`;
      deepStrictEqual(row, { open: 2 });
      await close();
      deepStrictEqual(told.at(-1), { connections: 0, transactions: 0 });
    });

    await test.step("roll back what threw, whoever threw it, and stay usable", async () => {
      const { sql, transaction, close } = open(database_url, 1);
      await rejects(
        transaction(async (transaction_sql) => {
          await transaction_sql`INSERT INTO lost VALUES ('a line')`;
          throw new Error("of our own");
        }),
        /of our own/,
      );
      await rejects(
        transaction((transaction_sql) => transaction_sql`SELECT 1 / 0`.execute()),
        /division by zero/,
      );
      strictEqual((await sql`TABLE lost`).length, 0);
      strictEqual(
        await transaction(async (transaction_sql) => {
          await transaction_sql`INSERT INTO lost VALUES ('a line')`;
          return "committed";
        }),
        "committed",
      );
      strictEqual((await sql`TABLE lost`).length, 1);
      await close();
    });

    await test.step("tell a refusal that stays from one that passes", async () => {
      const { sql, close } = open(database_url);
      await rejects(
        sql`SELECT * FROM nowhere`.execute(),
        (error) => serverError(error)?.code === "42P01" && !isPassing(error),
      );
      const wrapped = new Error("while storing", {
        cause: await sql`SELECT 1 / 0`.catch((error: unknown) => error),
      });
      strictEqual(serverError(wrapped)?.code, "22012");
      await close();
    });

    await test.step("come back after the server was restarted", async () => {
      const { sql, close } = open(database_url);
      await sql`SELECT 1`;
      await postgres.restart();
      // The lost connection may be found out by the first query.
      await sql`SELECT 1`.catch((error) => strictEqual(isPassing(error), true));
      deepStrictEqual((await sql`SELECT 3 AS three`)[0], { three: 3 });
      await close();
    });

    await test.step("lost at the first query they fail that query, and nothing else", async () => {
      const proxy = startStatementProxy(Number(new URL(database_url).port));
      proxy.decideBy(({ moment }) => moment === "statement" ? "cut" : "pass");
      const proxied = new URL(database_url);
      proxied.port = String(proxy.port);
      const database = open(proxied.href);
      // A rejection that nobody catches fails the test, or leaves a query without an answer.
      for (let round = 0; round < 5; round++) {
        const query = database.sql`SELECT 1`.execute();
        await rejects(
          answeredWithin(database, query, 5_000, "round " + round),
          /CONNECTION_CLOSED/,
        );
      }
      await database.close();
      proxy.close();
    });

    await test.step("never show the password in an error", async () => {
      const refused = new URL(database_url);
      refused.password = "geheim";
      const away = new URL(refused);
      away.port = "1";
      for (const url of [refused, away]) {
        const { sql, close } = open(url.href);
        await rejects(sql`SELECT 1`.execute(), (error) => {
          doesNotMatch(inspect(error, { depth: 10, showHidden: true }), /geheim/);
          return true;
        });
        await close();
      }
      throws(() => open("geheim"), (error) => !inspect(error).includes("geheim"));
    });
  });
});
