/** For tests of alerts on the running stack: a webhook, a caller, and what is waited for. */
import assert from "node:assert/strict";
import { ALERT_GROUPS } from "../../dashboards/all.ts";
import { exists } from "../local/files.ts";
import { eventually, type RunningStart } from "../local/test_start.ts";

/** Prometheus and Alertmanager are built where that has not been done yet. */
export const BUILD_DEADLINE_MS = 15 * 60_000;
const RESOLVE_DEADLINE_MS = 120_000;
const POST_INTERVAL_MS = 200;

/** An alert as Alertmanager posts it. */
interface PostedAlert {
  status: "firing" | "resolved";
  labels: { [label: string]: string };
  annotations: { [name: string]: string };
}

/** What has come to the webhook. */
export interface Webhook {
  url: string;
  /** Names of what fires, each with its service or group, sorted. */
  firing(): string[];
  /** All that has fired, sorted; with a number, what has been posted as firing after so many posts. */
  seen(after_posts?: number): string[];
  /** How many alerts have been posted as firing. */
  posts(): number;
  /** Alerts without what a person on call is to be given: words, and a runbook that is there. */
  faults(): string[];
  close(): Promise<void>;
}

/** Opens a webhook of our own for Alertmanager. */
export function openWebhook(): Webhook {
  const firing = new Set<string>();
  const posted: string[] = [];
  const faults: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { alerts } = await request.json() as { alerts: PostedAlert[] };
      for (const { status, labels, annotations } of alerts) {
        const name = [labels.alertname, labels.service ?? labels.group].filter(Boolean).join(" ");
        if (status === "firing") {
          firing.add(name);
          posted.push(name);
        } else {
          firing.delete(name);
        }
        const { summary, description, runbook } = annotations;
        const runbook_url = new URL(`../../${runbook}`, import.meta.url);
        if (!summary || !description || !await exists(runbook_url.pathname)) {
          faults.push(`${name}: ${JSON.stringify(annotations)}`);
        }
      }
      return new Response();
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    firing: () => [...firing].sort(),
    seen: (after_posts = 0) => [...new Set(posted.slice(after_posts))].sort(),
    posts: () => posted.length,
    faults: () => faults,
    close: () => server.shutdown(),
  };
}

/** A caller that posts a tick, good or bad, every so often. */
export function startCaller(url: string): { bad: boolean; silent: boolean; stop(): void } {
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
export function promisedMs(name: string): number {
  const alert = Object.values(ALERT_GROUPS).flat().find((each) => name.startsWith(`${each.name}`));
  return alert!.promised_s * 1_000;
}

/** Waits until nothing fires any more. */
export async function quiet(webhook: Webhook): Promise<void> {
  await eventually(
    () => Promise.resolve(webhook.firing().length === 0),
    RESOLVE_DEADLINE_MS,
    () => `${webhook.firing()} have not been resolved`,
  );
}

/** Stops a stack in order. */
export async function endStack(stack: RunningStart): Promise<void> {
  stack.signal("SIGTERM");
  assert.equal((await stack.ended()).code, 0, stack.output());
}
