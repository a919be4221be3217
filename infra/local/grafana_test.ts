import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { parse } from "yaml";
import { ROOT } from "../conformance/source_files.ts";
import { findGrafana, grafanaEnvironment } from "./grafana.ts";
import { withTestDirectory } from "./test_servers.ts";

const PROVISIONING = `${ROOT}infra/grafana/provisioning`;
const DATASOURCES = `${PROVISIONING}/datasources/tapeline.yml`;
const BOARDS = `${PROVISIONING}/dashboards/tapeline.yml`;
const ENVIRONMENT = grafanaEnvironment("/data", 3001, {
  prometheus_url: "http://127.0.0.1:9091",
  jaeger_url: "http://127.0.0.1:16686",
  database_url: "postgres://owner:geheim@db.example/the%20base?sslmode=require",
}, { admin: "a", reader: "r" });

interface Datasource {
  uid: string;
  type: string;
  jsonData?: { exemplarTraceIdDestinations?: { datasourceUid: string }[] };
}

async function datasources(): Promise<Datasource[]> {
  return parse(await Deno.readTextFile(DATASOURCES)).datasources;
}

Deno.test("the provisioning names nothing that Grafana's environment does not hold", async () => {
  for (const file of [DATASOURCES, BOARDS]) {
    const asked = [...(await Deno.readTextFile(file)).matchAll(/\$(\w+)/g)].map(([, name]) =>
      name!
    );
    ok(asked.length > 0);
    deepStrictEqual(asked.filter((name) => !(name in ENVIRONMENT)), [], file);
  }
});

Deno.test("Grafana asks the servers that run here, the database by the role that only reads", () => {
  const { GF_PATHS_PROVISIONING, BOARDS_DIR, ...rest } = ENVIRONMENT;
  strictEqual(GF_PATHS_PROVISIONING, PROVISIONING);
  strictEqual(BOARDS_DIR, `${ROOT}infra/generated/grafana/dashboards`);
  strictEqual(rest.PROMETHEUS_URL, "http://127.0.0.1:9091");
  strictEqual(rest.JAEGER_URL, "http://127.0.0.1:16686");
  strictEqual(rest.POSTGRES_ADDRESS, "db.example:5432");
  strictEqual(rest.POSTGRES_DATABASE, "the base");
  strictEqual(rest.POSTGRES_SSLMODE, "require");
  strictEqual(rest.GF_SERVER_HTTP_ADDR, "127.0.0.1");
  strictEqual(rest.GF_SERVER_HTTP_PORT, "3001");
  ok(!JSON.stringify(ENVIRONMENT).includes("geheim"), "Grafana is given the owner's password");
});

Deno.test("here and in its container Grafana is set alike, and asks for a password", async () => {
  const compose = parse(await Deno.readTextFile(`${ROOT}docker-compose.yml`), { merge: true });
  const contained: { [variable: string]: string } = compose.services.grafana.environment;
  const differing = ["GF_SECURITY_ADMIN_PASSWORD"];
  for (const [variable, value] of Object.entries(contained)) {
    if (!variable.startsWith("GF_") || differing.includes(variable)) continue;
    strictEqual(ENVIRONMENT[variable], value, variable);
  }
  strictEqual(ENVIRONMENT.GF_AUTH_ANONYMOUS_ENABLED, "false");
});

Deno.test("every board finds datasources of its kinds, and exemplars lead to a trace", async () => {
  const all = await datasources();
  const uids = all.map(({ uid }) => uid);
  strictEqual(new Set(uids).size, uids.length);
  const linked = all.flatMap(({ jsonData }) => jsonData?.exemplarTraceIdDestinations ?? []);
  deepStrictEqual(linked.map(({ datasourceUid }) => datasourceUid), ["jaeger"]);
  ok(uids.includes("jaeger"));
  let boards = 0;
  for await (const { name } of Deno.readDir(ENVIRONMENT.BOARDS_DIR!)) {
    boards++;
    const board: { templating: { list: { type: string; query: string }[] } } = JSON.parse(
      await Deno.readTextFile(`${ENVIRONMENT.BOARDS_DIR}/${name}`),
    );
    const kinds = board.templating.list.filter(({ type }) => type === "datasource")
      .map(({ query }) => query);
    ok(kinds.length > 0);
    deepStrictEqual(kinds.filter((kind) => !all.some(({ type }) => type === kind)), [], name);
  }
  ok(boards > 0);
});

Deno.test("Grafana is found on PATH with its own files, from its archive or a package", async () => {
  await withTestDirectory(async (directory) => {
    const put = async (path: string): Promise<void> => {
      await Deno.mkdir(`${directory}/${path}`.replace(/\/[^/]+$/, ""), { recursive: true });
      await Deno.writeTextFile(`${directory}/${path}`, "");
    };
    await put("empty/nothing");
    strictEqual(await findGrafana(`${directory}/empty:${directory}/none`), null);

    await put("links/nothing");
    await put("archive/conf/defaults.ini");
    await put("archive/bin/grafana");
    await Deno.symlink(`${directory}/archive/bin/grafana`, `${directory}/links/grafana`);
    deepStrictEqual(await findGrafana(`:${directory}/empty:${directory}/links`), [
      `${directory}/archive/bin/grafana`,
      "server",
      `--homepath=${directory}/archive`,
    ]);

    await put("usr/bin/grafana-server");
    await put("usr/share/grafana/conf/defaults.ini");
    const packaged = await findGrafana(`${directory}/usr/bin:${directory}/archive/bin`);
    deepStrictEqual(packaged?.slice(1), [`--homepath=${directory}/usr/share/grafana`]);
    match(packaged![0]!, /usr\/bin\/grafana-server$/);
  });
});
