/** A row that is gone: the ledger finds it, and that alone reaches the webhook; until it is back. */
import assert from "node:assert/strict";
import { withDatabase } from "../../services/sink/sink_test_data.ts";
import { withTestDirectory } from "../local/test_servers.ts";
import { eventually, runStart } from "../local/test_start.ts";
import {
  BUILD_DEADLINE_MS,
  endStack,
  openWebhook,
  promisedMs,
  quiet,
  startCaller,
} from "./test_alerts.ts";

const ALERT = "LedgerOutOfBalance";
const STORED_DEADLINE_MS = 30_000;

Deno.test("a row that is lost pages, and ends when it is back", async (test) => {
  await withTestDirectory(async (data_dir) => {
    const webhook = openWebhook();
    await using stack = runStart(data_dir, ["--source", "http"], {
      TAPELINE_OBSERVE: "true",
      TAPELINE_ALERT_WEBHOOK_URL: webhook.url,
      TAPELINE_LEDGER_INTERVAL_MS: "2000",
    });
    await stack.says("prometheus runs", BUILD_DEADLINE_MS);
    const { producer_http, postgres } = await stack.endpoints();
    const caller = startCaller(producer_http!);
    try {
      await withDatabase(postgres!, async ({ sql }) => {
        await eventually(
          async () => (await sql`SELECT FROM ticks`).length >= 10,
          STORED_DEADLINE_MS,
          () => "no ticks are stored",
        );
        const lost_at_ms = performance.now();
        await sql`CREATE TABLE lost AS SELECT * FROM ticks ORDER BY kafka_offset LIMIT 1`;
        await sql`DELETE FROM ticks USING lost WHERE ticks.kafka_offset = lost.kafka_offset`;
        await eventually(
          () => Promise.resolve(webhook.firing().includes(ALERT)),
          promisedMs(ALERT),
          () =>
            `${ALERT} has not come within ${promisedMs(ALERT)} ms; there are ${webhook.firing()}`,
        );
        const elapsed_s = (performance.now() - lost_at_ms) / 1_000;
        // A test's output is not shown; its steps are.
        await test.step(`${ALERT}: ${elapsed_s.toFixed(0)} s to page`, () => {});
        await sql`INSERT INTO ticks SELECT * FROM lost`;
      });
      await quiet(webhook);
      assert.deepEqual(webhook.seen(), [ALERT]);
    } finally {
      caller.stop();
    }
    await endStack(stack);
    await webhook.close();
    assert.deepEqual(webhook.faults(), []);
  });
});
