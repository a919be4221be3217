/** Every request of kafkajs, whichever client sent it: how long it took, and how it failed. */
import "./kafka_encoding.ts";
import "./kafka_decoding.ts";
import Connection from "kafkajs/src/network/connection.js";

/** A request that was answered, or failed. */
export interface KafkaRequest {
  /** Kafka's name of the request: Produce, Fetch, EndTxn, … */
  request: string;
  duration_seconds: number;
  /** Kafka's name of the error, or the client's; null where it went well. */
  error: string | null;
}

interface SendOptions {
  request: { apiName: string };
}

interface Sender {
  send(options: SendOptions): Promise<unknown>;
}

/**
 * Begins to watch. kafkajs tells of requests by an emitter for each client, which its raw clusters
 * have not, and never of an error in an answer: so it is watched where all of them pass.
 *
 * @param observe Told of each request.
 */
export function watchKafkaRequests(observe: (request: KafkaRequest) => void): void {
  const { prototype } = Connection as unknown as { prototype: Sender };
  const send = prototype.send;
  prototype.send = async function (this: Sender, options: SendOptions): Promise<unknown> {
    const started_at_ms = performance.now();
    const tell = (error: string | null): void =>
      observe({
        request: options.request.apiName,
        duration_seconds: (performance.now() - started_at_ms) / 1_000,
        error,
      });
    try {
      const answer = await send.call(this, options);
      tell(null);
      return answer;
    } catch (error) {
      const { type, name } = error as { type?: string; name?: string };
      tell(type ?? name ?? "unknown");
      throw error;
    }
  };
}
