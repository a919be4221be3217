import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { SERVICE_NAMES } from "../../contract/pipeline.ts";
import { ROOT } from "../conformance/source_files.ts";
import { baseImages, isCopied, isSent } from "./image_files.ts";

const read = (path: string): string => Deno.readTextFileSync(ROOT + path);
const IGNORE = read(".dockerignore");
const DOCKERFILE = read("infra/container/Dockerfile");
/** What runs in a container. */
const ENTRY_POINTS = [
  ...SERVICE_NAMES.map((name) => `services/${name}/main.ts`),
  "infra/container/topics.ts",
  "infra/container/health.ts",
];

/** The repository's own modules that a module imports, itself included. */
async function modulesOf(entry_point: string): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", ROOT + entry_point],
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: { specifier: string }[];
  };
  return modules.map(({ specifier }) => specifier)
    .filter((specifier) => specifier.startsWith(`file://${ROOT}`))
    .map((specifier) => specifier.slice(`file://${ROOT}`.length))
    .filter((path) => !path.startsWith("node_modules/"));
}

Deno.test("the image holds all that runs in it imports and reads", async () => {
  const modules = (await Promise.all(ENTRY_POINTS.map(modulesOf))).flat();
  const needed = [
    ...new Set(modules),
    "deno.json",
    "deno.lock",
    "infra/postgres/migrations/0003_ticks.sql",
  ];
  for (const entry_point of ENTRY_POINTS) strictEqual(needed.includes(entry_point), true);
  deepStrictEqual(
    needed.filter((path) => !isSent(IGNORE, path) || !isCopied(DOCKERFILE, path)),
    [],
  );
});

Deno.test("neither secrets, nor tests, nor what is for other machines is sent to the builder", () => {
  const kept_out = [
    ".env",
    ".git/config",
    "node_modules/kafkajs/index.js",
    ".tapeline/postgres/password",
    "services/sink/sink_server_test.ts",
    "services/sink/test_data.ts",
    "infra/local/start.ts",
    "dashboards/all.ts",
  ];
  deepStrictEqual(kept_out.filter((path) => isSent(IGNORE, path)), []);
});

Deno.test("the images are of the releases that are used here, and the service is not root", () => {
  const images = baseImages(DOCKERFILE);
  const [, kafka] = /<kafka\.version>([^<]+)</.exec(read("infra/kafka/pom.xml"))!;
  const [, deno] = /deno@([\d.]+)/.exec(read(".ci/run"))!;
  deepStrictEqual(images, { kafka: `apache/kafka:${kafka}`, service: `denoland/deno:${deno}` });
  const [, agent] = /<jmx-exporter\.version>([^<]+)</.exec(read("infra/kafka/pom.xml")) ?? [];
  strictEqual(DOCKERFILE.includes(`jmx_prometheus_javaagent-${agent}.jar`), true, `not ${agent}`);
  strictEqual(/^USER (\S+)$/m.exec(DOCKERFILE.split("AS service")[1]!)?.[1], "deno");
  strictEqual(DOCKERFILE.trimEnd().endsWith("\nUSER deno"), true);
});
