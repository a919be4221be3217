/**
 * Tells Kafka how far the sink has come, for whoever watches lag; the position that counts is in the
 * database. Told by batch it would be dozens of requests a second, so they are gathered for a moment.
 */
import { sleep } from "../../runtime/backoff.ts";

/** How long positions are gathered: so much the lag of a busy sink may be told too large. */
const INTERVAL_MS = 100;

/** A position as kafkajs takes it. */
export interface ToldPosition {
  topic: string;
  partition: number;
  offset: string;
}

/** Positions on their way to Kafka. */
export interface ToldPositions {
  /** Notes that everything before an offset is stored; during a stop Kafka is told at once. */
  note(topic: string, partition: number, next_offset: bigint): Promise<void>;
  /** Tells Kafka again and again, until the stop. */
  run(): Promise<void>;
}

/**
 * Makes the teller.
 *
 * @param commit Tells Kafka.
 * @param isOurs Whether a partition is still this instance's: only its owner tells of it.
 * @param onFault Called where Kafka could not be told; the next position of the partition will be.
 * @param stopping When it is aborted, what waits is told, and nothing waits any more.
 */
export function tellPositions(
  commit: (positions: ToldPosition[]) => Promise<void>,
  isOurs: (topic: string, partition: number) => boolean,
  onFault: (error: unknown) => void,
  stopping: AbortSignal,
): ToldPositions {
  const waiting = new Map<string, ToldPosition>();

  async function tell(): Promise<void> {
    const positions = [...waiting.values()].filter(({ topic, partition }) =>
      isOurs(topic, partition)
    );
    waiting.clear();
    if (positions.length > 0) await commit(positions).catch(onFault);
  }

  return {
    async note(topic, partition, next_offset) {
      waiting.set(`${topic}/${partition}`, { topic, partition, offset: String(next_offset) });
      if (stopping.aborted) await tell();
    },
    async run() {
      while (!stopping.aborted) {
        await sleep(INTERVAL_MS, stopping);
        await tell();
      }
      // What was noted while Kafka was being told.
      await tell();
    },
  };
}
