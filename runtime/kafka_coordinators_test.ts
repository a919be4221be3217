import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { testKafka } from "../services/sink/sink_test_data.ts";
import { kafkaConfig } from "./kafka.ts";
import { createCluster } from "./kafka_cluster.ts";
import { type Asked, rememberCoordinators } from "./kafka_coordinators.ts";

Deno.test("a coordinator is asked for once a second by each client, and a failure is not remembered", async () => {
  let now_ms = 0;
  let fails = false;
  const asked: string[] = [];
  class Client {
    constructor(readonly name: string) {}
    findGroupCoordinatorMetadata({ groupId, coordinatorType }: Asked): Promise<unknown> {
      asked.push(`${this.name} ${coordinatorType ?? 0} ${groupId}`);
      return fails ? Promise.reject(new Error("away")) : Promise.resolve(asked.length);
    }
  }
  rememberCoordinators(Client.prototype, () => now_ms);
  const [one, other] = [new Client("one"), new Client("other")];
  const group = { groupId: "g" };

  strictEqual(await one.findGroupCoordinatorMetadata(group), 1);
  strictEqual(await one.findGroupCoordinatorMetadata(group), 1);
  strictEqual(await one.findGroupCoordinatorMetadata({ ...group, coordinatorType: 1 }), 2);
  strictEqual(await one.findGroupCoordinatorMetadata({ groupId: "h" }), 3);
  strictEqual(await other.findGroupCoordinatorMetadata(group), 4);
  now_ms = 999;
  strictEqual(await one.findGroupCoordinatorMetadata(group), 1);
  now_ms = 1_000;
  fails = true;
  await rejects(one.findGroupCoordinatorMetadata(group), /away/);
  fails = false;
  strictEqual(await one.findGroupCoordinatorMetadata(group), 6);
  deepStrictEqual(asked, ["one 0 g", "one 1 g", "one 0 h", "other 0 g", "one 0 g", "one 0 g"]);
});

Deno.test("kafkajs uses it", async () => {
  const cluster = createCluster(kafkaConfig(testKafka("127.0.0.1:9"))) as unknown as {
    brokerPool: { withBroker(use: (found: unknown) => Promise<unknown>): Promise<unknown> };
    findGroupCoordinatorMetadata(asked: Asked): Promise<unknown>;
  };
  const found = { coordinator: { nodeId: 1 } };
  let requests = 0;
  const broker = {
    findGroupCoordinator: () => Promise.resolve({ coordinator: { nodeId: ++requests } }),
  };
  cluster.brokerPool.withBroker = (use) => use({ nodeId: "0", broker });
  deepStrictEqual(await cluster.findGroupCoordinatorMetadata({ groupId: "g" }), found);
  deepStrictEqual(await cluster.findGroupCoordinatorMetadata({ groupId: "g" }), found);
});
