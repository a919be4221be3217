/** Asks Kafka now and then whether it is there: without it an idle producer would not notice. */
import type { Kafka } from "kafkajs";
import { sleep } from "../../runtime/backoff.ts";

const INTERVAL_MS = 2_000;
const ANSWER_DEADLINE_MS = 3_000;
const DISCONNECT_DEADLINE_MS = 500;

/** What the last look found. */
export interface KafkaProbe {
  /** Why Kafka can't be reached; null while it can. */
  fault(): string | null;
  /** Resolves when the probe has ended, which it does when the producer stops. */
  ended: Promise<void>;
}

/**
 * Begins to ask.
 *
 * @param kafka The client.
 * @param stopping Ends the asking.
 */
export function startProbe(kafka: Kafka, stopping: AbortSignal): KafkaProbe {
  const admin = kafka.admin();
  let fault: string | null = null;

  /** One question at a time: while Kafka is away the client tries again by itself, with waits. */
  async function ask(): Promise<void> {
    const late = setTimeout(
      () => fault = `it has not answered for ${ANSWER_DEADLINE_MS} ms`,
      ANSWER_DEADLINE_MS,
    );
    try {
      await admin.connect();
      await admin.describeCluster();
      fault = null;
    } catch (error) {
      fault = (error as Error).message;
    } finally {
      clearTimeout(late);
    }
  }

  async function run(): Promise<void> {
    const stopped = new Promise<void>((resolve) =>
      stopping.addEventListener("abort", () => resolve(), { once: true })
    );
    while (!stopping.aborted) {
      await Promise.race([ask(), stopped]);
      await sleep(INTERVAL_MS, stopping);
    }
    // Where Kafka is away this does not end, and the process need not wait for it.
    const disconnected = new AbortController();
    admin.disconnect().catch(() => {}).then(() => disconnected.abort());
    await sleep(DISCONNECT_DEADLINE_MS, disconnected.signal);
  }
  return { fault: () => fault, ended: run() };
}
