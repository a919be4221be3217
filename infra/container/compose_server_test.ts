import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { SERVICE_NAMES } from "../../contract/pipeline.ts";
import { promtool } from "../../dashboards/promtool.ts";
import type { SettingTable } from "../../runtime/config.ts";
import { ROOT } from "../conformance/source_files.ts";
import { serverProperties } from "../local/kafka_server.ts";
import { withTestDirectory } from "../local/test_servers.ts";
import { type ComposeContext, composeFaults } from "./compose_faults.ts";
import { type ComposeModel, type ComposeService, readCompose } from "./compose_model.ts";
import { SETTINGS as TOPICS } from "./topics.ts";

const TEXT = Deno.readTextFileSync(`${ROOT}docker-compose.yml`);
const EXAMPLE = Deno.readTextFileSync(`${ROOT}.env.example`);
/** Variables without which it does not start. */
const REQUIRED = [...new Set([...TEXT.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name!))];
const SECRETS = Object.fromEntries(REQUIRED.map((name) => [name, `secret${name.length}`]));
const ENVIRONMENT = { ...SECRETS, TAPELINE_ALERT_WEBHOOK_URL: "http://127.0.0.1/" };

async function modelOf(environment: { [variable: string]: string }): Promise<ComposeModel> {
  const reading = await readCompose(environment);
  if ("fault" in reading) throw new Error(reading.fault);
  return reading.model;
}

async function tables(): Promise<{ [service: string]: SettingTable }> {
  const of_services = await Promise.all(SERVICE_NAMES.map(async (name) => {
    const { SETTINGS } = await import(`../../services/${name}/config.ts`);
    return [name, SETTINGS as SettingTable] as const;
  }));
  return { ...Object.fromEntries(of_services), topics: TOPICS };
}

function targetsIn(file: string): { address: string; service: string }[] {
  const groups: { targets: string[]; labels: { service: string } }[] = JSON.parse(
    Deno.readTextFileSync(`${ROOT}infra/container/${file}`),
  );
  return groups.flatMap(({ targets, labels: { service } }) =>
    targets.map((address) => ({ address, service }))
  );
}

const CONTEXT: ComposeContext = {
  root: ROOT,
  tables: await tables(),
  exists(path) {
    try {
      return Deno.statSync(path) !== null;
    } catch {
      return false;
    }
  },
  targets: [...targetsIn("targets.json"), ...targetsIn("alertmanagers.json")],
};

Deno.test("docker-compose.yml is what the project says elsewhere", async () => {
  deepStrictEqual(composeFaults(await modelOf(ENVIRONMENT), CONTEXT), []);
});

/** A fault, and how the file comes by it. */
type Break = [
  fault: RegExp,
  change: (services: { [name: string]: Writable<ComposeService> }) => void,
  context?: Partial<ComposeContext>,
];
type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

const BREAKS: Break[] = [
  [/service lag of .* is not there/, (services) => void delete services.lag],
  [/sink is of no certain release/, ({ sink }) => void (sink!.image = "x:latest")],
  [/jaeger is of no certain release/, ({ jaeger }) => void (jaeger!.image = "jaeger")],
  [/grafana keeps capabilities/, ({ grafana }) => void (grafana!.cap_drop = [])],
  [/grafana may gain privileges/, ({ grafana }) => void (grafana!.security_opt = [])],
  [/kafka is privileged/, ({ kafka }) => void (kafka!.privileged = true)],
  [/sink has no mem_limit/, ({ sink }) => void delete sink!.mem_limit],
  [/sink has no cpus/, ({ sink }) => void delete sink!.cpus],
  [/sink has no pids_limit/, ({ sink }) => void (sink!.pids_limit = 0)],
  [/lag has no health check/, ({ lag }) => void delete lag!.healthcheck],
  [
    /sink waits for the health of timescaledb/,
    ({ timescaledb }) => void (timescaledb!.healthcheck = { disable: true }),
  ],
  [/mounts .*prometheus\.yml, which is not there/, () => {}, { exists: () => false }],
  [
    /prometheus may write to .*rules/,
    ({ prometheus }) =>
      void (prometheus!.volumes = prometheus!.volumes!.map((volume) => ({
        ...volume,
        read_only: false,
      }))),
  ],
  [
    /grafana is open to the network on port 3000/,
    ({ grafana }) => void (grafana!.ports = [{ published: "3000", target: 3000 }]),
  ],
  [
    /sink is given TAPELINE_SINK_BATCH_ROW, which/,
    ({ sink }) => void (sink!.environment = { ...sink!.environment, TAPELINE_SINK_BATCH_ROW: "1" }),
  ],
  [
    /topics is given LOG_LEVEL, which/,
    ({ topics }) => void (topics!.environment = { ...topics!.environment, LOG_LEVEL: "info" }),
  ],
  [/sink can write to its own files/, ({ sink }) => void (sink!.read_only = false)],
  [
    /topics may do everything/,
    ({ topics }) => void (topics!.command = ["deno", "run", "-A", "x.ts"]),
  ],
  [
    /producer has another command than .*--allow-net=.*ws\.finnhub\.io:443/s,
    ({ producer }) =>
      void (producer!.environment = {
        ...producer!.environment,
        TAPELINE_SOURCE: "finnhub",
        FINNHUB_API_KEY: "k",
      }),
  ],
  [/lag is not scraped/, () => {}, { targets: CONTEXT.targets.slice(0, 3) }],
  [
    /there is no service gateway/,
    () => {},
    { targets: [...CONTEXT.targets, { address: "gateway:9464", service: "gateway" }] },
  ],
  [
    /kafka does not listen on 9405/,
    () => {},
    { targets: [...CONTEXT.targets, { address: "kafka:9405", service: "kafka" }] },
  ],
  [
    /sink is scraped as lag/,
    () => {},
    { targets: [...CONTEXT.targets, { address: "sink:9464", service: "lag" }] },
  ],
];

Deno.test("what is wrong with docker-compose.yml is found", async () => {
  const model = await modelOf(ENVIRONMENT);
  for (const [fault, change, context] of BREAKS) {
    const broken = structuredClone(model);
    change(broken.services as { [name: string]: Writable<ComposeService> });
    const faults = composeFaults(broken, { ...CONTEXT, ...context });
    ok(faults.some((text) => fault.test(text)), `${fault} is not among ${faults.join("\n")}`);
  }
});

Deno.test("no secret has a default, and .env.example names every variable", async () => {
  ok(REQUIRED.length > 0);
  for (const name of REQUIRED) {
    const { [name]: _, ...without } = ENVIRONMENT as { [variable: string]: string };
    const reading = await readCompose(without);
    ok("fault" in reading, `it starts without ${name}`);
    match(reading.fault, new RegExp(name));
  }
  const { services } = await modelOf(ENVIRONMENT);
  for (const [name, { environment = {} }] of Object.entries(services)) {
    for (const [variable, value] of Object.entries(environment)) {
      if (!/PASS(WORD)?$|TOKEN|SECRET|API_KEY/.test(variable)) continue;
      ok(
        Object.values(SECRETS).includes(value ?? ""),
        `${name} is given its ${variable} by the file`,
      );
    }
  }
  const used = [...TEXT.matchAll(/\$\{(\w+)|environment: (TAPELINE_\w+)$/gm)]
    .map(([, value, secret]) => value ?? secret!);
  const named = [...EXAMPLE.matchAll(/^#?(\w+)=/gm)].map(([, name]) => name!);
  deepStrictEqual([...new Set(used)].sort(), named.sort());
  // What is to be filled in is empty there.
  for (const name of REQUIRED) match(EXAMPLE, new RegExp(`^${name}=$`, "m"));
});

Deno.test("Grafana asks for a password, and is given all that its provisioning names", async () => {
  const { services: { grafana, timescaledb } } = await modelOf(ENVIRONMENT);
  strictEqual(grafana!.environment!.GF_AUTH_ANONYMOUS_ENABLED, "false");
  ok(!Object.keys(grafana!.environment!).some((name) => name.startsWith("GF_AUTH_ANONYMOUS_ORG")));
  for (const file of ["datasources/tapeline.yml", "dashboards/tapeline.yml"]) {
    const text = await Deno.readTextFile(`${ROOT}infra/grafana/provisioning/${file}`);
    const asked = [...text.matchAll(/\$(\w+)/g)].map(([, name]) => name!);
    ok(asked.length > 0);
    deepStrictEqual(asked.filter((name) => !(name in grafana!.environment!)), [], file);
  }
  const init = await Deno.readTextFile(`${ROOT}infra/postgres/initdb/roles.sql`);
  const read = [...init.matchAll(/^\\getenv \w+ (\w+)$/gm)].map(([, name]) => name!);
  deepStrictEqual(read.filter((name) => !(name in timescaledb!.environment!)), []);
});

Deno.test("what watches is of the releases that the tests run", async () => {
  const { services } = await modelOf(ENVIRONMENT);
  // The Go module of Prometheus 3.15.0 is v0.315.0.
  const [, major, minor, patch] = /prometheus\/prometheus v0\.(\d)(\d\d)\.(\d+)/.exec(
    await Deno.readTextFile(`${ROOT}infra/tools/prometheus/go.mod`),
  )!;
  strictEqual(services.prometheus!.image, `prom/prometheus:v${major}.${Number(minor)}.${patch}`);
  for (const name of ["alertmanager", "postgres_exporter", "jaeger"]) {
    const module = await Deno.readTextFile(`${ROOT}infra/tools/${name}/go.mod`);
    const [, version] = new RegExp(`github\\.com/[\\w-]+/${name} v([\\d.]+)`).exec(module)!;
    match(services[name.replace("_", "-")]!.image!, new RegExp(`:v?${version}$`));
  }
});

Deno.test("the exporter asks Postgres what it asks here", async () => {
  const { services } = await modelOf(ENVIRONMENT);
  const source = await Deno.readTextFile(`${ROOT}infra/local/postgres_exporter.ts`);
  const flags = [...source.matchAll(/"(--[a-z.-]+(?:=\w+)?)"/g)].map(([, flag]) => flag!);
  const collectors = [...source.matchAll(/^ {2}(\w+): (true|false),$/gm)]
    .map(([, name, is_on]) => `--${is_on === "true" ? "" : "no-"}collector.${name}`);
  ok(flags.length > 0 && collectors.length > 0);
  const { command } = services["postgres-exporter"]!;
  deepStrictEqual(
    command!.filter((flag) => !flag.startsWith("--extend.query-path=")).sort(),
    [...flags, ...collectors].sort(),
  );
});

Deno.test("Kafka is set as the one that the tests run, but for addresses", async () => {
  const { services: { kafka } } = await modelOf(ENVIRONMENT);
  const here = new Map(
    serverProperties("", 1, 2).trim().split("\n").map((line) =>
      line.split("=") as [string, string]
    ),
  );
  const shared = Object.entries(kafka!.environment!)
    .filter(([variable]) => variable.startsWith("KAFKA_"))
    .map(([variable, value]) =>
      [variable.slice("KAFKA_".length).toLowerCase().replaceAll("_", "."), value] as const
    )
    .filter(([name]) => here.has(name) && !/listeners$|quorum|log\.dirs|protocol\.map/.test(name));
  ok(shared.length >= 12, `only ${shared.length} settings are named by both`);
  for (const [name, value] of shared) strictEqual(value, here.get(name), name);
});

Deno.test("Prometheus takes its configuration as compose mounts it", async () => {
  const { services: { prometheus } } = await modelOf(ENVIRONMENT);
  await withTestDirectory(async (directory) => {
    for (const { type, source, target } of prometheus!.volumes!) {
      if (type !== "bind") continue;
      const place = directory + target.replace("/etc/prometheus", "");
      await new Deno.Command("cp", { args: ["-r", source, place] }).output();
    }
    const config = `${directory}/prometheus.yml`;
    const { success, output } = await promtool(["check", "config", config]);
    ok(success, output);
    match(output, /SUCCESS: \d+ rule files found/);
    await Deno.remove(`${directory}/targets.json`);
    await Deno.writeTextFile(`${directory}/targets.json`, "[{");
    strictEqual((await promtool(["check", "config", config])).success, false);
  });
});
