/** Makes the topics, and ends: a container's part of what `deno task start` does by itself. */
import { environmentOf, readConfig, type SettingTable } from "../../runtime/config.ts";
import { createKafka, ensureTopics } from "../../runtime/kafka.ts";
import { KAFKA_SETTINGS, TOPIC_SETTINGS } from "../../runtime/settings.ts";
import { configuredTopics } from "../configured_topics.ts";
import { printLine, runTool, toolLog } from "../tool.ts";

export const SETTINGS = { ...KAFKA_SETTINGS, ...TOPIC_SETTINGS } as const satisfies SettingTable;

const EXIT_FAILED = 1;

if (import.meta.main) {
  await runTool(EXIT_FAILED, async () => {
    const config = readConfig(SETTINGS, environmentOf(SETTINGS));
    const kafka = createKafka({
      bootstrap_servers: config.kafka_bootstrap_servers,
      client_id: "topics",
      log: toolLog("topics"),
    });
    const topics = Object.values(configuredTopics(config));
    await ensureTopics(kafka, topics);
    printLine(`The topics are there: ${topics.map(({ topic }) => topic).join(", ")}`);
    return 0;
  });
}
