import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { CHECKSUM_MODULUS, TICK_HASH_SQL, tickHash } from "../../contract/ledger.ts";
import type { Tick } from "../../contract/tick.ts";
import { type TestServers, withServers } from "../../infra/local/test_servers.ts";
import {
  eventually,
  type ServiceUnderTest,
  startService,
  withService,
} from "../../infra/testing/test_service.ts";
import type { Database } from "../../runtime/database.ts";
import { readDeadLetter } from "../../runtime/dead_letters.ts";
import { withHangingProxy } from "./hanging_proxy.ts";
import { migrate } from "./migrate.ts";
import {
  countTicks,
  makeTopics,
  PARTITIONS,
  readTopic,
  sendRecords,
  sinkEnvironment,
  someTicks,
  type TestTopics,
  tickRecord,
  ticksAreWaitedFor,
  whileTicksAreLocked,
  withDatabase,
} from "./sink_test_data.ts";

/** Topics and a database of their own. */
async function fresh(
  servers: TestServers,
  name: string,
): Promise<{ topics: TestTopics; url: string; environment: { [variable: string]: string } }> {
  const topics = await makeTopics(servers.bootstrap, name);
  const url = await servers.newDatabase();
  return { topics, url, environment: sinkEnvironment(servers.bootstrap, url, topics, name) };
}

/** Sends ticks in small sends, so that faults fall between batches. */
async function sendTicks(servers: TestServers, topic: string, ticks: readonly Tick[]) {
  await sendRecords(servers.bootstrap, ticks.map((tick) => tickRecord(topic, tick)));
}

/** Waits until as many rows are there, and holds them against what was sent. */
async function expectStored(database: Database, sent: readonly Tick[]): Promise<void> {
  await eventually(
    async () => await rowsOrNone(database) >= sent.length,
    `${sent.length} rows of ticks`,
  );
  deepStrictEqual(await countTicks(database), { rows: sent.length, places: sent.length });
  const [sum] = await database.sql.unsafe(
    `SELECT (sum(${TICK_HASH_SQL}) % ${CHECKSUM_MODULUS})::text AS checksum FROM ticks`,
  );
  const checksum = sent.reduce((total, tick) => total + BigInt(tickHash(tick)), 0n) %
    BigInt(CHECKSUM_MODULUS);
  strictEqual(sum?.checksum, String(checksum));
}

/** Rows so far; none while the table is not there or the database is away. */
async function rowsOrNone(database: Database): Promise<number> {
  return await countTicks(database).then(({ rows }) => rows, () => 0);
}

async function reasons(sink: ServiceUnderTest): Promise<string> {
  const response = await fetch(`${await sink.operationsUrl()}/ready`);
  return `${response.status} ${await response.text()}`;
}

/** How often a sink has tried in vain to read a position or to store. */
async function failures(sink: ServiceUnderTest): Promise<number> {
  const kinds = /^tapeline_errors_total\{kind="(?:claim|database)".*\} (\d+)$/gm;
  const found = (await sink.metrics()).matchAll(kinds);
  return [...found].reduce((total, [, times]) => total + Number(times), 0);
}

/** The partitions of a topic that a text names, be it of troubles or of metrics. */
function placesIn(text: string, topic: string): Set<string> {
  const named = new RegExp(`${topic}(?:/|",partition=")(\\d+)`, "g");
  return new Set([...text.matchAll(named)].map(([, partition]) => partition!));
}

Deno.test("faults of the sink and of its database", async (test) => {
  await withServers({ kafka: true, postgres: true }, async (servers) => {
    await test.step("killed -9 again and again: each tick is stored once", async () => {
      const { topics, url, environment } = await fresh(servers, "killed");
      const ticks = someTicks(24_000);
      await withDatabase(url, async (database) => {
        let interrupted = 0;
        // Small slices, so that a kill falls between two of one batch or into one.
        const small = { ...environment, TAPELINE_SINK_BATCH_ROWS: "200" };
        await sendTicks(servers, topics.ticks, ticks.slice(0, 6_000));
        for (let round = 0; round < 6; round++) {
          const stored = await rowsOrNone(database);
          await withService("sink", small, async (sink) => {
            await eventually(async () => await rowsOrNone(database) > stored, "the next row");
            await sink.kill();
          });
          if (await rowsOrNone(database) < 6_000 + round * 3_000) interrupted++;
          await sendTicks(
            servers,
            topics.ticks,
            ticks.slice(6_000 + round * 3_000).slice(0, 3_000),
          );
        }
        strictEqual(interrupted >= 3, true, `${interrupted} kills fell into the work`);
        await withService("sink", environment, () => expectStored(database, ticks));
      });
    });

    await test.step("frozen while another takes over, then thawed: each tick once", async () => {
      const { topics, url, environment } = await fresh(servers, "frozen");
      const ticks = someTicks(30_000);
      const frozen = startService("sink", { ...environment, TAPELINE_SINK_BATCH_ROWS: "100" });
      try {
        await withDatabase(url, async (database) => {
          await frozen.ready();
          await sendTicks(servers, topics.ticks, ticks.slice(0, 20_000));
          await eventually(async () => await rowsOrNone(database) > 500, "some rows");
          Deno.kill(frozen.pid, "SIGSTOP");
          strictEqual(await rowsOrNone(database) < 20_000, true);
          await withService("sink", environment, async () => {
            await eventually(async () => await rowsOrNone(database) >= 20_000, "the takeover");
            Deno.kill(frozen.pid, "SIGCONT");
            await sendTicks(servers, topics.ticks, ticks.slice(20_000));
            await expectStored(database, ticks);
          });
          // The one that was frozen has the partitions again and goes on.
          const more = someTicks(1_000, 30_000);
          await sendTicks(servers, topics.ticks, more);
          await expectStored(database, [...ticks, ...more]);
        });
      } finally {
        await frozen.kill();
      }
    });

    await test.step("a row that the database refuses is a dead letter, the others are rows", async () => {
      const { topics, url, environment } = await fresh(servers, "refused");
      const ticks = someTicks(5_000);
      const refused = [7, 8, 4_321].map((index) => ticks[index]!);
      await withDatabase(url, async (database) => {
        await withService("sink", environment, async (sink) => {
          await sink.ready();
          await database.sql.unsafe(
            `ALTER TABLE ticks ADD CHECK (trade_id NOT IN (${
              refused.map(({ trade_id }) => `'${trade_id}'`).join()
            }))`,
          );
          await sendTicks(servers, topics.ticks, ticks);
          await expectStored(database, ticks.filter((tick) => !refused.includes(tick)));
          const letters = (await readTopic(servers.bootstrap, topics.dead_letters))
            .map(readDeadLetter);
          deepStrictEqual(
            letters.map(({ value }) => new TextDecoder().decode(value!)).sort(),
            refused.map((tick) => JSON.stringify(tick)).sort(),
          );
          deepStrictEqual(letters.map(({ stage, reason }) => `${stage} ${reason}`), [
            "sink row_refused",
            "sink row_refused",
            "sink row_refused",
          ]);
          match(letters[0]!.message, /ticks_trade_id_check/);
          match(
            await sink.metrics(),
            /tapeline_records_discarded_total\{reason="row_refused",service="sink"\} 3/,
          );
          const open = await database.sql`
            SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND state LIKE 'idle in transaction%'`;
          strictEqual(open.length, 0);
        });
      });
    });

    await test.step("a database too slow for a batch gets it in parts", async () => {
      const { topics, url, environment } = await fresh(servers, "slow");
      const ticks = someTicks(3_000);
      const hasty = { ...environment, TAPELINE_SINK_STATEMENT_TIMEOUT_MS: "500" };
      await withDatabase(url, async (database) => {
        await migrate(database);
        await database.sql.unsafe(`
          CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_sleep(0.001); RETURN new; END';
          CREATE TRIGGER slow BEFORE INSERT ON ticks FOR EACH ROW EXECUTE FUNCTION wait()`);
        await sendTicks(servers, topics.ticks, ticks);
        await withService("sink", hasty, () => expectStored(database, ticks));
      });
    });

    await test.step("a partition that waits for the database holds no other up until its next batch", async () => {
      const { topics, url, environment } = await fresh(servers, "waits");
      const ticks = someTicks(2_000);
      const send = (partition: number, some: readonly Tick[]): Promise<void> =>
        sendRecords(
          servers.bootstrap,
          some.map((tick) => ({ ...tickRecord(topics.ticks, tick), partition })),
        );
      await withDatabase(url, async (database) => {
        await withService("sink", environment, async (sink) => {
          await sink.ready();
          await whileTicksAreLocked(database, async () => {
            await send(0, ticks.slice(0, 1_000));
            await ticksAreWaitedFor(database, 1);
            await send(1, ticks.slice(1_000));
            await ticksAreWaitedFor(database, 2);
          });
          await expectStored(database, ticks);
        });
      });
    });

    await test.step("what another has stored meanwhile is left to it, without a new record", async () => {
      const { topics, url, environment } = await fresh(servers, "moved");
      const ticks = someTicks(1_000);
      await withDatabase(url, async (database) => {
        await withService("sink", environment, async (sink) => {
          await sink.ready();
          await whileTicksAreLocked(database, async () => {
            await sendRecords(
              servers.bootstrap,
              ticks.map((tick) => ({ ...tickRecord(topics.ticks, tick), partition: 0 })),
            );
            await ticksAreWaitedFor(database, 1);
            // What is stored waits for the rows first: the position is free.
            await database.sql`
              UPDATE kafka_offsets SET next_offset = 400
              WHERE topic = ${topics.ticks} AND partition = 0`;
          });
          await expectStored(database, ticks.slice(400));
          match(await sink.metrics(), /tapeline_errors_total\{kind="position_moved",.*\} 1$/m);
        });
      });
    });

    await test.step("the database away: not ready, nothing dropped, and it catches up", async () => {
      const { topics, url, environment } = await fresh(servers, "away");
      const ticks = someTicks(9_000);
      await withService("sink", environment, async (sink) => {
        await sink.ready();
        await sendTicks(servers, topics.ticks, ticks.slice(0, 3_000));
        await withDatabase(url, (database) => expectStored(database, ticks.slice(0, 3_000)));
        await servers.postgres.kill();
        await sendTicks(servers, topics.ticks, ticks.slice(3_000, 6_000));
        await eventually(
          async () => /^503 .*away-ticks\/\d.*(ECONNREFUSED|CONNECTION)/.test(await reasons(sink)),
          "the sink to say what it misses",
        );
        await sendTicks(servers, topics.ticks, ticks.slice(6_000));
        await servers.postgres.restart();
        await withDatabase(url, (database) => expectStored(database, ticks));
        await eventually(async () => /^200/.test(await reasons(sink)), "the sink to be ready");
        match(
          await sink.metrics(),
          /tapeline_errors_total\{kind="database",service="sink"\} [1-9]/,
        );
      });
    });

    await test.step("the database restarted and killed in the middle of the work: each tick once", async () => {
      const { topics, url, environment } = await fresh(servers, "restarted");
      const ticks = someTicks(30_000);
      const small = { ...environment, TAPELINE_SINK_BATCH_ROWS: "100" };
      await withService("sink", small, async (sink) => {
        await sink.ready();
        await sendTicks(servers, topics.ticks, ticks);
        await withDatabase(url, async (database) => {
          for (const [index, rows] of [500, 8_000, 16_000].entries()) {
            await eventually(async () => await rowsOrNone(database) > rows, `${rows} rows`);
            strictEqual(await rowsOrNone(database) < ticks.length, true);
            if (index === 1) await servers.postgres.kill();
            await servers.postgres.restart();
          }
          await expectStored(database, ticks);
        });
      });
    });

    await test.step("connections that hang while a position is read: cut, and read anew", async () => {
      const { topics, url, environment } = await fresh(servers, "hanging");
      const ticks = someTicks(1_000);
      await withHangingProxy(url, async (proxy) => {
        const hasty = {
          ...environment,
          DATABASE_URL: proxy.url,
          TAPELINE_SINK_STATEMENT_TIMEOUT_MS: "100",
          // What looks for stuck consumers would cut them too.
          TAPELINE_STUCK_AFTER_MS: "3600000",
        };
        await withService("sink", hasty, async (sink) => {
          await sink.ready();
          proxy.hang();
          await sendTicks(servers, topics.ticks, ticks);
          // The first where a connection was there already, the second where one was to be made.
          await sink.line(({ error }) =>
            /Claiming hanging-ticks\/\d has not finished within 5100 ms|CONNECT_TIMEOUT/
              .test(String(error))
          );
          proxy.resume();
          await withDatabase(url, (database) => expectStored(database, ticks));
        });
      });
    });

    await test.step("what went to another is not tried any more, nor told as trouble", async () => {
      // Once with nothing new to fetch, once with a batch that waits for the one before it.
      for (const more of [0, 600]) {
        const { topics, url, environment } = await fresh(servers, `given-${more}`);
        const patient = { ...environment, TAPELINE_STUCK_AFTER_MS: "3600000" };
        const send = (count: number) => sendTicks(servers, topics.ticks, someTicks(count));
        await withHangingProxy(url, async (proxy) => {
          const hasty = {
            ...patient,
            DATABASE_URL: proxy.url,
            TAPELINE_SINK_STATEMENT_TIMEOUT_MS: "100",
          };
          await withService("sink", hasty, async (first) => {
            await first.ready();
            proxy.hang();
            await send(600);
            const troubled = async () => placesIn(await reasons(first), topics.ticks);
            await eventually(
              async () => (await troubled()).size === PARTITIONS,
              "all its troubles",
            );
            await send(more);
            await withService("sink", patient, async (second) => {
              await eventually(async () => {
                const [left, taken] = [
                  await troubled(),
                  placesIn(await second.metrics(), topics.ticks),
                ];
                return left.size > 0 && taken.size > 0 && left.isDisjointFrom(taken);
              }, "the first to leave to the second what is the second's");
              // So it stays, whatever the first tries from now on.
              const tried = await failures(first);
              await eventually(
                async () => await failures(first) >= tried + PARTITIONS,
                "the first to try its own again",
              );
              const taken = placesIn(await second.metrics(), topics.ticks);
              strictEqual((await troubled()).isDisjointFrom(taken), true);
            });
          });
        });
      }
    });
  });
});
