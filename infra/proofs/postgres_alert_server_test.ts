/**
 * Postgres on the running stack, as it is given by DATABASE_URL: what its board shows is so; it is
 * stopped, and that alone reaches the webhook, within the time that the alert promises, and ends.
 */
import assert from "node:assert/strict";
import { POSTGRES_QUERIES } from "../../dashboards/postgres.ts";
import { METRICS } from "../postgres/metrics.ts";
import { query } from "../local/test_prometheus.ts";
import { withServers, withTestDirectory } from "../local/test_servers.ts";
import { eventually, runStart, storedRows } from "../local/test_start.ts";
import {
  BUILD_DEADLINE_MS,
  endStack,
  openWebhook,
  promisedMs,
  quiet,
  startCaller,
} from "./test_alerts.ts";

const TICKS = 1_000;
const SHOWN_DEADLINE_MS = 30_000;
/** When the sink's own alerts fire, which are to be silenced. */
const FOLLOWS_DEADLINE_MS = 60_000;
const DOWN = "PostgresDown postgres";
/** What is told of another service at the same time. */
const OTHER = "ServiceNotReady aggregator";

Deno.test("Postgres that is stopped pages once, silences the sink and no other, and ends", async () => {
  await withServers({ postgres: true }, async ({ postgres, database_url }) => {
    await withTestDirectory(async (data_dir) => {
      const webhook = openWebhook();
      await using stack = runStart(data_dir, ["--source", "http"], {
        TAPELINE_OBSERVE: "true",
        TAPELINE_ALERT_WEBHOOK_URL: webhook.url,
        DATABASE_URL: database_url,
      });
      await stack.says("postgres_exporter runs", BUILD_DEADLINE_MS);
      const { producer_http, prometheus, alertmanager } = await stack.endpoints();
      await postTicks(producer_http!);
      await assertShown(prometheus!, database_url);
      const caller = startCaller(producer_http!);
      try {
        const stopped_at_ms = performance.now();
        await postgres.stop();
        await eventually(
          () => Promise.resolve(webhook.firing().includes(DOWN)),
          promisedMs(DOWN),
          () => `${DOWN} has not come within ${promisedMs(DOWN)} ms: ${webhook.firing()}`,
        );
        const elapsed_s = (performance.now() - stopped_at_ms) / 1_000;
        console.log(`${DOWN}: ${elapsed_s.toFixed(0)} s to page`);
        await tellOfOther(alertmanager!);
        let silenced: string[] = [];
        await eventually(
          async () => (silenced = await silencedBy(alertmanager!)).includes("ServiceNotReady sink"),
          FOLLOWS_DEADLINE_MS,
          () => `ServiceNotReady sink is not silenced, only ${silenced}`,
        );
        console.log(`silenced meanwhile: ${silenced.join(", ")}`);
        await postgres.restart();
        let firing: string[] = [];
        await eventually(
          async () => {
            firing = (await query(prometheus!, 'ALERTS{alertstate="firing"}'))
              .map(({ metric }) => metric.alertname!);
            return firing.length === 0;
          },
          2 * FOLLOWS_DEADLINE_MS,
          () => `${firing} fire still`,
        );
        await quiet(webhook);
        assert.deepEqual(webhook.seen(), [DOWN, OTHER].sort());
      } finally {
        caller.stop();
      }
      await assertShown(prometheus!, database_url);
      const log = await Deno.readTextFile(`${data_dir}/logs/postgres_exporter.log`);
      assert.match(log, /connection refused/);
      assert.ok(!log.includes(new URL(database_url).password), "the log holds the password");
      await endStack(stack);
      await webhook.close();
      assert.deepEqual(webhook.faults(), []);
    });
  });
});

async function postTicks(url: string): Promise<void> {
  const ticks = Array.from({ length: TICKS }, (_, index) => ({
    ...{ symbol: `S${index % 5}`, price: 1 + index, volume: 1, timestamp: Date.now() },
  }));
  const response = await fetch(`${url}/ticks`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(ticks),
    signal: AbortSignal.timeout(10_000),
  });
  assert.equal(response.status, 202, await response.text());
}

/** The rows that the exporter has counted in, against those that are in the table. */
async function assertShown(prometheus: string, database_url: string): Promise<void> {
  const inserted = `sum(${METRICS.rows_inserted.name}{table="ticks"})`;
  let [shown, rows] = [0, 0];
  await eventually(
    async () => {
      rows = await storedRows(database_url);
      shown = Number((await query(prometheus, inserted))[0]?.value[1] ?? 0);
      return rows >= TICKS && Math.abs(shown - rows) <= rows * 0.02;
    },
    SHOWN_DEADLINE_MS,
    () => `Prometheus knows of ${shown} rows, and the table has ${rows}`,
  );
  const up = await query(prometheus, POSTGRES_QUERIES.up({ matchers: "", window: "20s" }));
  assert.deepEqual(up.map(({ value }) => value[1]), ["1"]);
}

/** Alertmanager is told of an alert that does not follow from Postgres. */
async function tellOfOther(alertmanager: string): Promise<void> {
  const [alertname, service] = OTHER.split(" ");
  const response = await fetch(`${alertmanager}/api/v2/alerts`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify([{
      labels: { alertname, service, severity: "page" },
      annotations: {
        summary: "a test's",
        description: "a test's",
        runbook: `docs/runbooks/${alertname}.md`,
      },
      endsAt: new Date(Date.now() + 30_000).toISOString(),
    }]),
    signal: AbortSignal.timeout(5_000),
  });
  assert.equal(response.status, 200, await response.text());
}

/** Alerts that fire and are held back by another, each with its service. */
async function silencedBy(alertmanager: string): Promise<string[]> {
  const response = await fetch(`${alertmanager}/api/v2/alerts?active=false&inhibited=true`, {
    signal: AbortSignal.timeout(5_000),
  });
  const alerts = await response.json() as {
    labels: { [label: string]: string };
    status: { inhibitedBy: string[] };
  }[];
  return alerts.filter(({ status }) => status.inhibitedBy.length > 0)
    .map(({ labels }) => `${labels.alertname} ${labels.service}`).sort();
}
