/**
 * Alerts on the running stack: a cause, and what then arrives at a real Alertmanager's webhook,
 * within the time that the alert promises; and that it ends when the cause does.
 */
import assert from "node:assert/strict";
import openPostgres from "postgres";
import { alertScope } from "../../dashboards/query.ts";
import { STAGE_QUERIES } from "../../dashboards/service_row.ts";
import { withDatabase } from "../../services/sink/sink_test_data.ts";
import { query } from "../local/test_prometheus.ts";
import { withTestDirectory } from "../local/test_servers.ts";
import { eventually, notedPids, runStart } from "../local/test_start.ts";
import {
  BUILD_DEADLINE_MS,
  endStack,
  openWebhook,
  promisedMs,
  quiet,
  startCaller,
} from "./test_alerts.ts";

Deno.test("alerts arrive for their cause and no other, in their time, and end with it", async (test) => {
  await withTestDirectory(async (data_dir) => {
    const webhook = openWebhook();
    await using stack = runStart(data_dir, ["--source", "http"], {
      TAPELINE_OBSERVE: "true",
      TAPELINE_ALERT_WEBHOOK_URL: webhook.url,
      // A dead consumer is seen to be dead after this time.
      TAPELINE_SESSION_TIMEOUT_MS: "6000",
      TAPELINE_LEDGER_INTERVAL_MS: "2000",
    });
    await stack.says("Tapeline runs");
    await stack.says("prometheus runs", BUILD_DEADLINE_MS);
    const { producer_http, alertmanager, prometheus, postgres } = await stack.endpoints();
    const caller = startCaller(producer_http!);
    const paged: string[] = [];
    try {
      /** Waits for an alert, for as long as it may take. */
      const comes = async (name: string, started_at_ms = performance.now()): Promise<void> => {
        await eventually(
          () => Promise.resolve(webhook.firing().includes(name)),
          promisedMs(name) - (performance.now() - started_at_ms),
          () => `${name} has not come within ${promisedMs(name)} ms; there are ${webhook.firing()}`,
        );
        const elapsed_s = (performance.now() - started_at_ms) / 1_000;
        paged.push(`${name.padEnd(36)} ${elapsed_s.toFixed(0).padStart(3)} s to page`);
      };
      /** Brings about a cause, and waits for the alert. */
      const pages = async (
        name: string,
        cause: () => Promise<void> | void,
      ): Promise<void> => {
        await quiet(webhook);
        const started_at_ms = performance.now();
        await cause();
        await comes(name, started_at_ms);
      };
      /** The same; then the cause is ended, all is quiet, and nothing else has come. */
      const pagesAndEnds = async (
        name: string,
        cause: () => Promise<void> | void,
        mend: () => Promise<void> | void,
        also: readonly string[] = [],
      ): Promise<void> => {
        await quiet(webhook);
        const posts_before = webhook.posts();
        await pages(name, cause).finally(mend);
        await quiet(webhook);
        const others = webhook.seen(posts_before)
          .filter((each) => each !== name && !also.includes(each));
        assert.deepEqual(others, [], `beside ${name} there came others`);
      };
      const freeze = (service: string) => async (): Promise<void> =>
        Deno.kill((await notedPids(data_dir)).get(service)!, "SIGSTOP");
      const thaw = (service: string) => async (): Promise<void> =>
        Deno.kill((await notedPids(data_dir)).get(service)!, "SIGCONT");

      await test.step("the feed is silent", () =>
        pagesAndEnds(
          "FeedSilent",
          () => void (caller.silent = true),
          () => void (caller.silent = false),
        ));
      // Not next to another stall of the sink: both together would be slow for as long as SinkSlow asks.
      await test.step("a lock in the database holds the sink up", async () => {
        const lock = lockTicks(postgres!);
        await pagesAndEnds("ConsumerBehind sink", lock.taken, lock.release);
      });
      await test.step("garbage comes in, and a row is lost and put back meanwhile", () =>
        pagesAndEnds(
          "DeadLettersGrow producer",
          async () => {
            caller.bad = true;
            await withRows(
              postgres!,
              "DELETE FROM ticks USING lost WHERE ticks.kafka_offset = " +
                "lost.kafka_offset AND ticks.kafka_partition = lost.kafka_partition",
            );
            await comes("LedgerOutOfBalance");
            await withRows(postgres!, "INSERT INTO ticks SELECT * FROM lost");
          },
          () => void (caller.bad = false),
          // Nothing good comes meanwhile.
          ["FeedSilent", "LedgerOutOfBalance"],
        ));
      await test.step("the sink is frozen", () =>
        pagesAndEnds("TargetAbsent sink", freeze("sink"), thaw("sink")));
      await test.step("the aggregator is frozen", () =>
        pagesAndEnds("TargetAbsent aggregator", freeze("aggregator"), thaw("aggregator")));
      await test.step("the broker is frozen, and what follows from that is silent", () =>
        pagesAndEnds("BrokerDown kafka", freeze("kafka"), async () => {
          try {
            await eventually(
              () => isInhibited(alertmanager!, "FeedSilent"),
              promisedMs("FeedSilent"),
              () => "Alertmanager does not hold FeedSilent back",
            );
          } finally {
            await thaw("kafka")();
          }
        }));
      await test.step("whom database or broker failed has counted it, as the board shows", async () => {
        for (const service of ["sink", "ledger"]) {
          const errors = STAGE_QUERIES.errors(service)(alertScope("15m"));
          const met = await query(prometheus!, `(${errors}) > 0`);
          assert.ok(met.length > 0, `${service} shows no error`);
        }
      });
    } finally {
      caller.stop();
      // A test's output is not shown; its steps are.
      for (const line of paged) await test.step(line, () => {});
      await endStack(stack);
      await webhook.close();
      assert.deepEqual(webhook.faults(), []);
    }
  });
});

/**
 * Holds a lock on the table of ticks, as a migration by hand does that somebody forgot to end: on a
 * connection without the limits that all of ours have.
 */
function lockTicks(database_url: string): { taken(): Promise<void>; release(): Promise<void> } {
  const [locked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let over: Promise<unknown> = Promise.resolve();
  return {
    taken: async () => {
      const sql = openPostgres(database_url, { max: 1 });
      over = sql.begin(async (transaction) => {
        await transaction`LOCK TABLE ticks IN EXCLUSIVE MODE`;
        locked.resolve();
        await released.promise;
      }).finally(() => sql.end());
      over.catch(locked.reject);
      await locked.promise;
    },
    release: async () => {
      released.resolve();
      await over;
    },
  };
}

/** Takes one row aside, where that has not been done, and then does something with it. */
async function withRows(database_url: string, statement: string): Promise<void> {
  await withDatabase(database_url, async ({ sql }) => {
    await sql.unsafe(
      "CREATE TABLE IF NOT EXISTS lost AS SELECT * FROM ticks ORDER BY kafka_offset DESC LIMIT 1",
    );
    await sql.unsafe(statement);
  });
}

/** Whether Alertmanager has an alert, and keeps it from its receivers. */
async function isInhibited(alertmanager: string, name: string): Promise<boolean> {
  const url = `${alertmanager}/api/v2/alerts?filter=${encodeURIComponent(`alertname="${name}"`)}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  const alerts: { status: { inhibitedBy: string[] } }[] = await response.json();
  return alerts.some(({ status }) => status.inhibitedBy.length > 0);
}
