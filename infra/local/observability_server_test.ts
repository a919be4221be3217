import assert from "node:assert/strict";
import { SERVICE_NAMES } from "../../contract/pipeline.ts";
import { buildGoTool } from "./go_tool.ts";
import { withTestDirectory } from "./test_servers.ts";
import { eventually, runStart } from "./test_start.ts";

/** Prometheus and Alertmanager are built where that has not been done yet. */
const BUILD_DEADLINE_MS = 15 * 60_000;

/** What Prometheus answers to a query: the samples' labels and values. */
async function query(
  prometheus: string,
  expression: string,
): Promise<{ metric: { [label: string]: string }; value: [number, string] }[]> {
  const url = `${prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  const answer = await response.json();
  if (answer.status !== "success") throw new Error(`${expression}: ${JSON.stringify(answer)}`);
  return answer.data.result;
}

Deno.test("the stack is watched: Prometheus scrapes all of it, and knows Alertmanager", async () => {
  await withTestDirectory(async (data_dir) => {
    await using stack = runStart(data_dir, [], { TAPELINE_OBSERVE: "true", TICK_INTERVAL: "0.1" });
    // The pipeline does not wait for it.
    await stack.says("Tapeline runs");
    await stack.says("prometheus runs", BUILD_DEADLINE_MS);
    const { prometheus, alertmanager } = await stack.endpoints();
    const wanted = [...SERVICE_NAMES, "alertmanager", "prometheus"].sort();
    let seen: string[] = [];
    await eventually(
      async () => {
        const up = await query(prometheus!, "up == 1");
        seen = up.map(({ metric }) => metric.job!).sort();
        return seen.join() === wanted.join();
      },
      30_000,
      () => `Prometheus reaches ${seen.join()} instead of ${wanted.join()}`,
    );
    await eventually(
      async () => {
        const sent = await query(prometheus!, "sum by (service) (tapeline_records_sent_total)");
        return sent.filter(({ value }) => Number(value[1]) > 0).length === 3;
      },
      30_000,
      () => "Not every stage has sent records, as Prometheus has it",
    );
    await eventually(
      async () => {
        const lag = await query(prometheus!, "tapeline_consumer_group_lag_seconds_max");
        return lag.map(({ metric }) => metric.group).sort().join() === "aggregator,sink";
      },
      30_000,
      () => "Prometheus does not know the lag of both groups",
    );
    const response = await fetch(`${prometheus}/api/v1/alertmanagers`);
    const { data: { activeAlertmanagers } } = await response.json();
    assert.deepEqual(
      activeAlertmanagers.map(({ url }: { url: string }) => new URL(url).origin),
      [alertmanager],
    );

    // One that dies is started again, where it was, with what it had.
    const before = (await query(prometheus!, "count(up)")).length;
    assert.equal(before, 1);
    const pids = await notedPid(data_dir, "prometheus");
    Deno.kill(pids, "SIGKILL");
    await eventually(
      async () => (await stack.parts()).get("prometheus")!.restarts === 1,
      30_000,
      () => "Prometheus is not started again",
    );
    await eventually(
      async () => (await query(prometheus!, "up").catch(() => [])).length === wanted.length,
      30_000,
      () => "Prometheus does not answer after its restart",
    );
    stack.signal("SIGTERM");
    const { code, elapsed_ms } = await stack.ended();
    assert.equal(code, 0, stack.output());
    assert.ok(elapsed_ms < 12_000, `the stop took ${elapsed_ms} ms`);
  });
});

Deno.test("a build that is not waited for ends with the start", async () => {
  const stopping = AbortSignal.abort(new Error("stopped"));
  const tool = { name: "toxiproxy", program: "unbuilt", package_path: "example.org/none" };
  await assert.rejects(buildGoTool(tool, () => {}, stopping), /stopped|abort/i);
});

async function notedPid(data_dir: string, name: string): Promise<number> {
  return JSON.parse(await Deno.readTextFile(`${data_dir}/run/${name}.json`)).pid;
}
