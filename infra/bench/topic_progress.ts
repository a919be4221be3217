/** How far a topic has been filled, by its end offsets: the same clock for all who fill it. */
import { createKafka } from "../../runtime/kafka.ts";
import { testKafka } from "../../services/sink/sink_test_data.ts";
import { sleep } from "../../runtime/backoff.ts";

const LOOK_INTERVAL_MS = 50;

/** How many records there were, and when. */
export interface Step {
  at_ms: number;
  records: number;
}

/**
 * Looks at a topic while somebody fills it, until he has ended.
 *
 * @param bootstrap host:port of Kafka.
 * @param topic The topic; it is empty.
 * @param filled Settles when he has ended.
 * @param onStep Told of each look that found more than the one before.
 */
export async function whileFilled(
  bootstrap: string,
  topic: string,
  filled: Promise<unknown>,
  onStep: (step: Step) => void,
): Promise<void> {
  const admin = createKafka(testKafka(bootstrap)).admin();
  await admin.connect();
  try {
    let records = 0;
    const look = async (): Promise<void> => {
      const ends = await admin.fetchTopicOffsets(topic).catch((error) => {
        // The partitions were made a moment ago and have no leader yet.
        if (error.retriable !== true) throw error;
        return [];
      });
      const now = ends.reduce((sum, { high }) => sum + Number(high), 0);
      if (now > records) onStep({ at_ms: performance.now(), records: records = now });
    };
    let is_over = false;
    const over = filled.finally(() => is_over = true);
    // Its failure is thrown below.
    over.catch(() => {});
    while (!is_over) {
      await look();
      await sleep(LOOK_INTERVAL_MS);
    }
    await look();
    await over;
  } finally {
    await admin.disconnect();
  }
}
