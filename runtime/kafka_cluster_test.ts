import { rejects, strictEqual } from "node:assert/strict";
import { knowTopic, lookAnew } from "./kafka_cluster.ts";

Deno.test("a topic whose first look failed is looked at again", async () => {
  // As kafkajs' cluster: what was asked for is not asked for again.
  const asked = new Set<string>();
  const known = new Set<string>();
  let is_away = true;
  const cluster = {
    targetTopics: asked,
    refreshMetadata() {
      if (is_away) return Promise.reject(new Error("the broker is away"));
      for (const topic of asked) known.add(topic);
      return Promise.resolve();
    },
    async addMultipleTargetTopics([topic]: string[]) {
      if (asked.has(topic!)) return;
      asked.add(topic!);
      await this.refreshMetadata();
    },
    findTopicPartitionMetadata: (topic: string) => known.has(topic) ? [{ partitionId: 0 }] : [],
  };
  await rejects(knowTopic(cluster, "ticks"), /away/);
  is_away = false;
  await knowTopic(cluster, "ticks");
  strictEqual(known.has("ticks"), true);
});

Deno.test("a topic that was deleted does not hide another", async () => {
  const asked = new Set(["gone"]);
  const there = ["ticks"];
  const known = new Set<string>();
  const cluster = {
    targetTopics: asked,
    refreshMetadata() {
      if ([...asked].some((topic) => !there.includes(topic))) {
        return Promise.reject(Object.assign(new Error(), { type: "UNKNOWN_TOPIC_OR_PARTITION" }));
      }
      for (const topic of asked) known.add(topic);
      return Promise.resolve();
    },
    async addMultipleTargetTopics([topic]: string[]) {
      if (asked.has(topic!)) return;
      asked.add(topic!);
      // As kafkajs: what was added is taken back where the look fails.
      await this.refreshMetadata().catch((error) => {
        asked.delete(topic!);
        throw error;
      });
    },
    findTopicPartitionMetadata: (topic: string) => known.has(topic) ? [{ partitionId: 0 }] : [],
  };
  await knowTopic(cluster, "ticks");
  strictEqual(known.has("ticks"), true);
  await rejects(knowTopic(cluster, "never"), { type: "UNKNOWN_TOPIC_OR_PARTITION" });
  asked.add("gone");
  await lookAnew(cluster);
  await lookAnew(cluster);
});
