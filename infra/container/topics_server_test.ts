import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { parse } from "yaml";
import { DEFAULT_TOPIC_NAMES } from "../../contract/topics.ts";
import { createKafka } from "../../runtime/kafka.ts";
import { createLogger } from "../../runtime/log.ts";
import { ROOT } from "../conformance/source_files.ts";
import { withServers } from "../local/test_servers.ts";

const COMPOSE = parse(await Deno.readTextFile(`${ROOT}docker-compose.yml`), { merge: true });

Deno.test("the topics' step makes them with the permissions that it has in its container", async () => {
  await withServers({ kafka: true }, async ({ bootstrap }) => {
    const [, ...words]: string[] = COMPOSE.services.topics.command;
    const run = async () => {
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: words.map((word) =>
          word.replace("/app/", ROOT).replace("--allow-net=kafka:9092", `--allow-net=${bootstrap}`)
        ),
        clearEnv: true,
        env: {
          ...Object.fromEntries(
            ["HOME", "PATH", "DENO_DIR"].map((name) => [name, Deno.env.get(name) ?? ""])
              .filter(([, value]) => value !== ""),
          ),
          KAFKA_BOOTSTRAP_SERVERS: bootstrap,
          TAPELINE_TOPIC_RETENTION_HOURS: "24",
        },
      }).output();
      const decoder = new TextDecoder();
      strictEqual(success, true, decoder.decode(stderr));
      match(decoder.decode(stdout), /^The topics are there: /);
    };
    await run();
    // Another start finds them made.
    await run();
    const log = createLogger("test", "error", () => {});
    const admin = createKafka({ bootstrap_servers: [bootstrap], client_id: "test", log }).admin();
    await admin.connect();
    try {
      const made = (await admin.listTopics()).filter((topic) => !topic.startsWith("__"));
      deepStrictEqual(made.sort(), Object.values(DEFAULT_TOPIC_NAMES).sort());
    } finally {
      await admin.disconnect();
    }
  });
});
