import { rejects } from "node:assert/strict";
import { createLogger } from "../runtime/log.ts";
import { reachKafka } from "./reach_kafka.ts";

/** Closes a connection that may be closed already. */
function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Connects as a tool would, to something that listens and does `answer` with each connection. */
async function reach(answer: (connection: Deno.Conn) => void): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const accepted = (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      answer(connection);
    }
  })();
  const { port } = listener.addr as Deno.NetAddr;
  try {
    const kafka = {
      bootstrap_servers: [`127.0.0.1:${port}`],
      client_id: "test",
      log: createLogger("test", "error", () => {}),
    };
    await (await reachKafka(kafka, "ticks")).close();
  } finally {
    listener.close();
    await accepted;
    for (const connection of connections) close(connection);
  }
}

const SENTENCE = /^Error: Cannot reach Kafka at 127\.0\.0\.1:\d+: .*KAFKA_BOOTSTRAP_SERVERS$/;

Deno.test("what listens and is no Kafka is named, with what to do", async (test) => {
  await test.step("where it hangs up", () => rejects(reach(close), SENTENCE));
  // kafkajs waits 15 s for an answer, so this one takes as long.
  await test.step("where it says nothing", () => rejects(reach(() => {}), SENTENCE));
});
