/** A silent feed and the hours in which that pages, against a real Alertmanager. */
import assert from "node:assert/strict";
import type { FeedHours } from "../../dashboards/feed_hours.ts";
import { openWebhook } from "../proofs/test_alerts.ts";
import { startAlertmanager } from "./prometheus_server.ts";
import { withTestDirectory } from "./test_servers.ts";
import { eventually } from "./test_start.ts";

const DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
/** A page waits for others of its group, 5 s. */
const PAGE_DEADLINE_MS = 30_000;

Deno.test("a feed that is silent pages within its hours, and outside of them does not", async () => {
  const today = new Date().getUTCDay();
  assert.deepEqual(await pagesIn(hoursOf(today, today + 1)), ["FeedSilent", "PostgresDown"]);
  assert.deepEqual(await pagesIn(hoursOf(today + 3, today + 4)), ["PostgresDown"]);
});

/** All of two days of the week, so that midnight may pass. */
function hoursOf(from: number, to: number): FeedHours {
  const weekdays = [from, to].map((day) => DAYS[day % 7]);
  // A range may not go beyond the end of the week.
  const range = from % 7 < to % 7 ? weekdays.join(":") : weekdays[0]!;
  return { weekdays: range, start_time: "00:00", end_time: "24:00", location: "UTC" };
}

/** What comes of a silent feed and, after it, another cause. */
async function pagesIn(feed_hours: FeedHours): Promise<string[]> {
  return await withTestDirectory(async (data_dir) => {
    const webhook = openWebhook();
    const server = await startAlertmanager({
      ...{ data_dir, port: null, webhook_url: new URL(webhook.url), feed_hours },
      ...{ progress: () => {}, stopping: new AbortController().signal },
    });
    try {
      const url = `http://127.0.0.1:${server.port}/api/v2/alerts`;
      await tell(url, "FeedSilent");
      await eventually(
        async () => (await (await fetch(url)).json()).length === 1,
        PAGE_DEADLINE_MS,
        () => "Alertmanager does not know of the silent feed",
      );
      // Told when both have waited for as long: a page of the first would have come before.
      await tell(url, "PostgresDown");
      await eventually(
        () => Promise.resolve(webhook.seen().includes("PostgresDown")),
        PAGE_DEADLINE_MS,
        () => "The other alert has not come",
      );
      return webhook.seen();
    } finally {
      await server.stop();
      await webhook.close();
    }
  });
}

async function tell(url: string, alertname: string): Promise<void> {
  const words = { summary: "a test's", description: "a test's" };
  const runbook = `docs/runbooks/${alertname}.md`;
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify([{
      labels: { alertname, severity: "page" },
      annotations: { ...words, runbook },
    }]),
    signal: AbortSignal.timeout(5_000),
  });
  assert.equal(response.status, 200, await response.text());
}
