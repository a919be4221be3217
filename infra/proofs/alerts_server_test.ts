/**
 * Alerts on the running stack: a cause, and what then arrives at a real Alertmanager's webhook,
 * within the time that the alert promises; and that it ends when the cause does.
 */
import assert from "node:assert/strict";
import { ALERT_GROUPS } from "../../dashboards/all.ts";
import { withTestDirectory } from "../local/test_servers.ts";
import { eventually, notedPids, type RunningStart, runStart } from "../local/test_start.ts";

/** Prometheus and Alertmanager are built where that has not been done yet. */
const BUILD_DEADLINE_MS = 15 * 60_000;
const RESOLVE_DEADLINE_MS = 120_000;
const POST_INTERVAL_MS = 200;

/** An alert as Alertmanager posts it. */
interface PostedAlert {
  status: "firing" | "resolved";
  labels: { [label: string]: string };
  annotations: { [name: string]: string };
}

/** What has come to the webhook. */
interface Webhook {
  url: string;
  /** Names of what fires, each with its service or group, sorted. */
  firing(): string[];
  /** All that has ever fired. */
  seen(): string[];
  /** Alerts without what a person on call is to be given: words, and a runbook that is there. */
  faults(): string[];
  close(): Promise<void>;
}

function openWebhook(): Webhook {
  const firing = new Set<string>();
  const seen = new Set<string>();
  const faults: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { alerts } = await request.json() as { alerts: PostedAlert[] };
      for (const { status, labels, annotations } of alerts) {
        const name = [labels.alertname, labels.service ?? labels.group].filter(Boolean).join(" ");
        if (status === "firing") firing.add(name);
        else firing.delete(name);
        seen.add(name);
        // What a person on call is given must be there.
        assert.ok(annotations.summary && annotations.description, JSON.stringify(annotations));
        await Deno.stat(new URL(`../../${annotations.runbook}`, import.meta.url));
      }
      return new Response();
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    firing: () => [...firing].sort(),
    seen: () => [...seen].sort(),
    faults: () => faults,
    close: () => server.shutdown(),
  };
}

/** A caller that posts a tick, good or bad, every so often. */
function startCaller(url: string): { bad: boolean; silent: boolean; stop(): void } {
  const caller = { bad: false, silent: false, stop: () => clearInterval(timer) };
  const timer = setInterval(() => {
    if (caller.silent) return;
    const tick = { symbol: "AAPL", price: 1, volume: 1, timestamp: Date.now() };
    const body = JSON.stringify(caller.bad ? { ...tick, price: "much" } : tick);
    const headers = { "content-type": "application/json" };
    fetch(`${url}/ticks`, { method: "POST", headers, body, signal: AbortSignal.timeout(5_000) })
      .then((response) => response.body?.cancel(), () => {
        // The producer's own faults are seen by its alerts.
      });
  }, POST_INTERVAL_MS);
  return caller;
}

/** How long the alert promises to take. */
function promisedMs(name: string): number {
  const alert = Object.values(ALERT_GROUPS).flat().find((each) => name.startsWith(`${each.name}`));
  return alert!.promised_s * 1_000;
}

Deno.test("alerts arrive for their cause and no other, in their time, and end with it", async (test) => {
  await withTestDirectory(async (data_dir) => {
    const webhook = openWebhook();
    await using stack = runStart(data_dir, ["--source", "http"], {
      TAPELINE_OBSERVE: "true",
      TAPELINE_ALERT_WEBHOOK_URL: webhook.url,
      // A dead consumer is seen to be dead after this time.
      TAPELINE_SESSION_TIMEOUT_MS: "6000",
    });
    await stack.says("Tapeline runs");
    await stack.says("prometheus runs", BUILD_DEADLINE_MS);
    const { producer_http } = await stack.endpoints();
    const caller = startCaller(producer_http!);
    const paged: string[] = [];
    try {
      /** Brings about a cause, and waits for the alert. */
      const pages = async (
        name: string,
        cause: () => Promise<void> | void,
      ): Promise<void> => {
        await quiet(webhook);
        const started_at_ms = performance.now();
        await cause();
        await eventually(
          () => Promise.resolve(webhook.firing().includes(name)),
          promisedMs(name),
          () => `${name} has not come within ${promisedMs(name)} ms; there are ${webhook.firing()}`,
        );
        const elapsed_s = (performance.now() - started_at_ms) / 1_000;
        paged.push(`${name.padEnd(36)} ${elapsed_s.toFixed(0).padStart(3)} s to page`);
      };
      /** The same; then the cause is ended, all is quiet, and nothing else has come. */
      const pagesAndEnds = async (
        name: string,
        cause: () => Promise<void> | void,
        mend: () => Promise<void> | void,
        also: readonly string[] = [],
      ): Promise<void> => {
        const seen_before = new Set(webhook.seen());
        await pages(name, cause).finally(mend);
        await quiet(webhook);
        const others = webhook.seen()
          .filter((each) => !seen_before.has(each) && each !== name && !also.includes(each));
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
      await test.step("garbage comes in", () =>
        pagesAndEnds(
          "DeadLettersGrow producer",
          () => void (caller.bad = true),
          () => void (caller.bad = false),
          // Nothing good comes meanwhile.
          ["FeedSilent"],
        ));
      await test.step("the sink is frozen", () =>
        pagesAndEnds("TargetAbsent sink", freeze("sink"), thaw("sink")));
    } finally {
      caller.stop();
      console.log(paged.join("\n"));
      await endStack(stack);
      await webhook.close();
      assert.deepEqual(webhook.faults(), []);
    }
  });
});

async function quiet(webhook: Webhook): Promise<void> {
  await eventually(
    () => Promise.resolve(webhook.firing().length === 0),
    RESOLVE_DEADLINE_MS,
    () => `${webhook.firing()} have not been resolved`,
  );
}

async function endStack(stack: RunningStart): Promise<void> {
  stack.signal("SIGTERM");
  assert.equal((await stack.ended()).code, 0, stack.output());
}
