/** How far a consumer group has come, by its committed offsets: the same clock for all subjects. */
import { createKafka } from "../../runtime/kafka.ts";
import { testKafka } from "../../services/sink/sink_test_data.ts";
import { sleep } from "../../runtime/backoff.ts";

const LOOK_INTERVAL_MS = 50;

/** What is watched. */
export interface WatchedGroup {
  bootstrap: string;
  group: string;
  topic: string;
  /** The sum of the topic's end offsets. */
  end: number;
  deadline_ms: number;
  /** Told of each step, with the CPU time used when it was seen left to whoever is told. */
  onStep?: (committed: number) => void;
}

/**
 * Waits until a group has committed a topic to its end.
 *
 * @throws Error after the deadline, with how far it had come.
 */
export async function untilCommitted(watched: WatchedGroup): Promise<void> {
  const { bootstrap, group, topic, end } = watched;
  const admin = createKafka(testKafka(bootstrap)).admin();
  await admin.connect();
  try {
    const give_up_at_ms = performance.now() + watched.deadline_ms;
    let committed = 0;
    while (committed < end) {
      if (performance.now() > give_up_at_ms) {
        throw new Error(
          `Group ${group} had committed ${committed} of ${end} records of ${topic} ` +
            `after ${watched.deadline_ms / 1_000} s`,
        );
      }
      await sleep(LOOK_INTERVAL_MS);
      const now = await committedOf(admin, group, topic).catch((error) => {
        // The group's coordinator is being made, at the first group of a broker.
        if (error.retriable !== true) throw error;
        return committed;
      });
      if (now === committed) continue;
      committed = now;
      watched.onStep?.(committed);
    }
  } finally {
    await admin.disconnect();
  }
}

async function committedOf(
  admin: ReturnType<ReturnType<typeof createKafka>["admin"]>,
  group: string,
  topic: string,
): Promise<number> {
  const offsets = await admin.fetchOffsets({ groupId: group, topics: [topic] });
  return offsets.flatMap(({ partitions }) => partitions)
    .reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
}
