import assert from "node:assert/strict";
import { BOARDS } from "../../dashboards/all.ts";
import { BOARD as LOAD } from "../../dashboards/load.ts";
import { STAGE_QUERIES } from "../../dashboards/service_row.ts";
import { PIPELINE, SERVICE_NAMES } from "../../contract/pipeline.ts";
import { DEFAULT_TOPIC_NAMES } from "../../contract/topics.ts";
import { createKafka } from "../../runtime/kafka.ts";
import { openSender } from "../../runtime/kafka_sender.ts";
import { createLogger } from "../../runtime/log.ts";
import { type FeedServer, withFeedServer } from "../../services/producer/sources/test_feed.ts";
import { telemetryFaults, type ToldTelemetry } from "../conformance/telemetry.ts";
import { buildGoTool } from "./go_tool.ts";
import { figuresAreTrue, judgedTicksAreTrue } from "./test_figures.ts";
import { emptyPanels, PANELS } from "./test_panels.ts";
import { query } from "./test_prometheus.ts";
import { blindRules } from "./test_rules.ts";
import { emptySqlPanels } from "./test_sql_panels.ts";
import { withTestDirectory } from "./test_servers.ts";
import { eventually, notedPids, runStart } from "./test_start.ts";

/** Prometheus and Alertmanager are built where that has not been done yet. */
const BUILD_DEADLINE_MS = 15 * 60_000;

/** The board of load tests shows something while there is one: infra/load/load_server_test.ts. */
const SHOWN_BOARDS = BOARDS.filter(({ name }) => name !== LOAD.name);
/** The slowest are evaluated each 30 s. */
const RULES_DEADLINE_MS = 60_000;
const PANELS_DEADLINE_MS = 90_000;
/** There is nothing new to ask sooner. */
const SCRAPE_INTERVAL_MS = 5_000;

Deno.test("the stack is watched: Prometheus scrapes all of it, and knows Alertmanager", async () => {
  await withTestDirectory(async (data_dir) => {
    await using stack = runStart(data_dir, [], { TAPELINE_OBSERVE: "true", TICK_INTERVAL: "0.5" });
    // The pipeline does not wait for it.
    await stack.says("Tapeline runs");
    await stack.says("postgres_exporter runs", BUILD_DEADLINE_MS);
    const { prometheus, alertmanager } = await stack.endpoints();
    const wanted = [...SERVICE_NAMES, "alertmanager", "kafka", "postgres", "prometheus"].sort();
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
    const endpoints = await stack.endpoints();
    for (const service of SERVICE_NAMES) {
      assert.deepEqual(telemetryFaults(await toldBy(service, endpoints[service]!)), [], service);
    }
    const response = await fetch(`${prometheus}/api/v1/alertmanagers`);
    const { data: { activeAlertmanagers } } = await response.json();
    assert.deepEqual(
      activeAlertmanagers.map(({ url }: { url: string }) => new URL(url).origin),
      [alertmanager],
    );

    // One that dies is started again, where it was, with what it had. The broker's metrics are
    // elsewhere then, and found there.
    const seen_at_s = Date.now() / 1_000;
    assert.equal((await query(prometheus!, "up")).length, wanted.length);
    for (const name of ["prometheus", "kafka"]) {
      Deno.kill(await notedPid(data_dir, name), "SIGKILL");
    }
    await eventually(
      async () => (await stack.parts()).get("prometheus")!.restarts === 1,
      30_000,
      () => "Prometheus is not started again",
    );
    await eventually(
      async () => {
        const since = `up == 1 and timestamp(up) > ${seen_at_s}`;
        const up = await query(prometheus!, since).catch(() => []);
        seen = up.map(({ metric }) => metric.job!).sort();
        return seen.join() === wanted.join();
      },
      30_000,
      () => `Prometheus reaches ${seen.join()} after its restart and the broker's`,
    );
    assert.equal((await query(prometheus!, `up @ ${seen_at_s}`)).length, wanted.length);
    await assertMonitorSecret(data_dir);
    stack.signal("SIGTERM");
    const { code, elapsed_ms } = await stack.ended();
    assert.equal(code, 0, stack.output());
    assert.ok(elapsed_ms < 12_000, `the stop took ${elapsed_ms} ms`);
  });
});

/** The exporter's password is in its environment, and nowhere else where somebody might look. */
async function assertMonitorSecret(data_dir: string): Promise<void> {
  const pid = (await notedPids(data_dir)).get("postgres_exporter")!;
  const environment = (await Deno.readTextFile(`/proc/${pid}/environ`)).split("\0");
  const password = environment.find((line) => line.startsWith("PGPASSWORD="))?.split("=")[1];
  assert.match(password ?? "", /^[0-9a-f]{48}$/);
  const shown = [`${data_dir}/endpoints.json`];
  for await (const { name } of Deno.readDir(`${data_dir}/logs`)) {
    shown.push(`${data_dir}/logs/${name}`);
  }
  for await (const { name } of Deno.readDir("/proc")) {
    if (/^\d+$/.test(name)) shown.push(`/proc/${name}/cmdline`);
  }
  for (const path of shown) {
    const text = await Deno.readTextFile(path).catch(() => "");
    assert.ok(!text.includes(password!), `${path} holds the exporter's password`);
  }
}

/** What a service tells at its operations port. */
async function toldBy(service: string, url: string): Promise<ToldTelemetry> {
  const told = (path: string, accept: string) => ask(url, path, accept);
  return {
    service,
    is_stage: PIPELINE.some(({ name }) => name === service),
    health: JSON.parse(await told("/health", "application/json")),
    ready: JSON.parse(await told("/ready", "application/json")),
    // In this order: reading the one has spoilt the other before.
    open_metrics: await told("/metrics", "application/openmetrics-text; version=1.0.0"),
    plain: await told("/metrics", "text/plain"),
  };
}

async function ask(url: string, path: string, accept: string): Promise<string> {
  const response = await fetch(`${url}${path}`, {
    headers: { accept },
    signal: AbortSignal.timeout(5_000),
  });
  return await response.text();
}

Deno.test("no panel is empty and no rule is blind, once there has been what they ask for", async () => {
  await withTestDirectory((data_dir) => withFeedServer((feed) => panelsShow(data_dir, feed)));
});

async function panelsShow(data_dir: string, feed: FeedServer): Promise<void> {
  await using stack = runStart(data_dir, ["--source", "simulator,http,finnhub"], {
    TAPELINE_FINNHUB_URL: feed.url,
    FINNHUB_API_KEY: "none",
    TAPELINE_OBSERVE: "true",
    // Fewer and larger batches cost the machine less than as many ticks in small ones.
    TICK_INTERVAL: "0.2",
    STOCK_SYMBOLS: Array.from({ length: 100 }, (_, at) => `SYM${at}`).join(),
    TAPELINE_LEDGER_INTERVAL_MS: "3000",
    TAPELINE_SESSION_TIMEOUT_MS: "3000",
    TAPELINE_LAG_INTERVAL_MS: "1000",
    // It counts as an error that there are more.
    TAPELINE_LAG_GROUPS_MAX: "2",
  });
  await stack.says("Tapeline runs");
  await stack.says("postgres_exporter runs", BUILD_DEADLINE_MS);
  const { prometheus, producer_http, kafka, postgres, lag } = await stack.endpoints();
  const urls = { prometheus: prometheus!, kafka: kafka!, postgres: postgres! };
  await figuresAreTrue(urls);
  await eventually(
    async () => (await query(prometheus!, "tapeline_consumer_group_lag_seconds_max")).length === 2,
    30_000,
    () => "Prometheus does not know the lag of our groups",
  );
  await addGroup(kafka!);
  // What comes and goes (a takeover) is seen at one look or another.
  let empty: string[] | null = null;
  const no_ticks_at_ms: number[] = [];
  // Who was thrown out of its group joins anew and takes its partitions over. (A start does too, but
  // before it is scraped: a counter's first value is no increase.) For no longer than that takes:
  // what lies between scrapes further apart than a panel's window is in no panel.
  const pids = await notedPids(data_dir);
  const readers = ["aggregator", "sink"].map((service) => pids.get(service)!);
  for (const pid of readers) Deno.kill(pid, "SIGSTOP");
  try {
    await eventually(
      async () => {
        const told = await ask(lag!, "/metrics", "text/plain");
        return told.match(/^tapeline_consumer_group_members\S* 0$/gm)?.length === 2;
      },
      30_000,
      () => "The frozen readers are still members of their groups",
    );
  } finally {
    for (const pid of readers) Deno.kill(pid, "SIGCONT");
  }
  await eventually(
    async () => {
      // What is refused is made here: it is rightly empty else.
      await troubleProducer(producer_http!, feed);
      no_ticks_at_ms.push(await troubleReaders(kafka!));
      await troubleAggregator(kafka!);
      const now_empty = [
        ...await emptyPanels(prometheus!, SHOWN_BOARDS),
        ...await emptySqlPanels(postgres!),
      ];
      empty = (empty ?? now_empty).filter((panel) => now_empty.includes(panel));
      return empty.length === 0 && await haveErred(prometheus!, ["producer", "aggregator"]);
    },
    PANELS_DEADLINE_MS,
    () => `These are empty, or nobody has met an error:\n${empty?.join("\n")}`,
    SCRAPE_INTERVAL_MS,
  );
  await judgedTicksAreTrue(urls, no_ticks_at_ms);
  let blind: string[] = [];
  await eventually(
    async () => (blind = await blindRules(prometheus!)).length === 0,
    RULES_DEADLINE_MS,
    () => `Rules that can't see:\n${blind.join("\n")}`,
    SCRAPE_INTERVAL_MS,
  );
  stack.signal("SIGTERM");
  assert.equal((await stack.ended()).code, 0, stack.output());
}

/** A tick that the producer refuses, and a feed that goes away. */
async function troubleProducer(url: string, feed: FeedServer): Promise<void> {
  feed.cut();
  const tick = { symbol: "NEW", price: -1, volume: 1, timestamp: Date.now() };
  await fetch(`${url}/ticks`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify([tick]),
    signal: AbortSignal.timeout(5_000),
  }).then((response) => response.body?.cancel());
}

/** One group more than are shown. */
async function addGroup(bootstrap: string): Promise<void> {
  const log = createLogger("test", "error", () => {});
  const kafka = createKafka({ bootstrap_servers: [bootstrap], client_id: "test", log });
  const admin = kafka.admin();
  await admin.connect();
  await admin.setOffsets({
    groupId: "z-one-too-many",
    topic: DEFAULT_TOPIC_NAMES.ticks,
    partitions: [{ partition: 0, offset: "0" }],
  });
  await admin.disconnect();
}

/** One that takes the aggregator's place in a partition: its next transaction fails. */
async function troubleAggregator(bootstrap: string): Promise<void> {
  const log = createLogger("test", "error", () => {});
  const kafka = createKafka({ bootstrap_servers: [bootstrap], client_id: "test", log });
  const producer = kafka.producer({ transactionalId: "aggregator-0", maxInFlightRequests: 1 });
  await producer.connect();
  await (await producer.transaction()).abort();
  await producer.disconnect();
}

/** Whether each of them shows that it has met errors, and not only that there were none. */
async function haveErred(prometheus: string, services: readonly string[]): Promise<boolean> {
  for (const service of services) {
    const met = await query(prometheus, `(${STAGE_QUERIES.errors(service)(PANELS)}) > 0`);
    if (met.length === 0) return false;
  }
  return true;
}

/** A record that is no tick, which every reader of ticks refuses; when it was sent, ms. */
async function troubleReaders(bootstrap: string): Promise<number> {
  const log = createLogger("test", "error", () => {});
  const kafka = createKafka({ bootstrap_servers: [bootstrap], client_id: "test", log });
  const sender = await openSender(kafka, "none");
  const record = { topic: DEFAULT_TOPIC_NAMES.ticks, partition: 0, key: "k", value: "no tick" };
  const timestamp_ms = Date.now();
  await sender.send([{ ...record, timestamp_ms }]);
  await sender.close();
  return timestamp_ms;
}

Deno.test("a build that is not waited for ends with the start", async () => {
  const stopping = AbortSignal.abort(new Error("stopped"));
  const tool = { name: "toxiproxy", program: "unbuilt", package_path: "example.org/none" };
  await assert.rejects(buildGoTool(tool, () => {}, stopping), /stopped|abort/i);
});

async function notedPid(data_dir: string, name: string): Promise<number> {
  return JSON.parse(await Deno.readTextFile(`${data_dir}/run/${name}.json`)).pid;
}
