import { strictEqual } from "node:assert/strict";
import { withFaultServers } from "../../infra/faults/fault_servers.ts";
import { API } from "../../infra/faults/kafka_proxy.ts";
import { withPlatform } from "../../infra/faults/platform.ts";
import { sampleSum } from "../../infra/local/gauges.ts";
import { eventually } from "../../infra/testing/test_service.ts";
import { sendRecords, someTicks, tickRecord } from "../sink/sink_test_data.ts";

Deno.test("aggregator: commits whose answers are lost are found done, and all is well though no tick follows", async () => {
  await withFaultServers((servers) =>
    withPlatform(servers, "lost-answer", {}, async ({ fleet, config }) => {
      const aggregator = fleet.add("aggregator").process();
      const isReady = async (): Promise<boolean> => {
        const response = await fetch(`${await aggregator.operationsUrl()}/ready`);
        await response.body?.cancel();
        return response.ok;
      };
      await aggregator.ready();
      servers.frames.decideBy(({ client_id, api_key, direction }) =>
        client_id === "aggregator" && api_key === API.end_txn && direction === "reply"
          ? "cut"
          : "pass"
      );
      const total = async (name: string): Promise<number> =>
        sampleSum(await aggregator.metrics(), `tapeline_${name}_total`);
      // A tick at a time: each is one transaction, of the same partition.
      for (const failures of [1, 2]) {
        const takeovers = await total("aggregator_takeovers");
        const [tick] = someTicks(1, failures * 20);
        await sendRecords(servers.kafka.bootstrap, [tickRecord(config.tick_topic, tick!)]);
        await eventually(
          async () => await total("aggregator_takeovers") > takeovers + (failures === 1 ? 1 : 0),
          "the partition to be taken over anew",
        );
        const failed = aggregator.lines.filter(({ event }) => event === "transaction_failed");
        strictEqual(failed.length, failures);
      }
      servers.frames.decideBy(null);
      await eventually(isReady, "the aggregator to be ready", 5_000);
      const metrics = await aggregator.metrics();
      strictEqual(sampleSum(metrics, "tapeline_ready"), 1);
    })
  );
});
