import { rejects, strictEqual } from "node:assert/strict";
import { knowTopic } from "./kafka_cluster.ts";

Deno.test("a topic whose first look failed is looked at again", async () => {
  // As kafkajs' cluster: what was asked for is not asked for again.
  const asked = new Set<string>();
  const known = new Set<string>();
  let is_away = true;
  const cluster = {
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
