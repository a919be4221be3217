/**
 * Tells Kafka how far the sink has come, for whoever watches lag; the position that counts is in the
 * database. Told by batch it would be dozens of requests a second, so they are gathered for a moment.
 */
import { sleep, withDeadline } from "../../runtime/backoff.ts";

/** How long positions are gathered: so much the lag of a busy sink may be told too large. */
const INTERVAL_MS = 100;
/** How long Kafka has to answer; a stop waits no longer. */
const ANSWER_DEADLINE_MS = 1_000;
/** After a failure. */
const RETRY_MS = 1_000;

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
 * Makes the teller. What Kafka could not be told is told again, unless something newer is; after the
 * stop nothing is told twice.
 *
 * @param commit Tells Kafka; tries once.
 * @param isOurs Whether a partition is still this instance's: only its owner tells of it.
 * @param onFault Called where Kafka could not be told.
 * @param stopping When it is aborted, what waits is told, and nothing waits any more.
 */
export function tellPositions(
  commit: (positions: ToldPosition[]) => Promise<void>,
  isOurs: (topic: string, partition: number) => boolean,
  onFault: (error: unknown) => void,
  stopping: AbortSignal,
): ToldPositions {
  const waiting = new Map<string, ToldPosition>();

  /** @returns Whether all of it is told. */
  async function tell(): Promise<boolean> {
    const told = [...waiting].filter(([, { topic, partition }]) => isOurs(topic, partition));
    waiting.clear();
    if (told.length === 0) return true;
    const positions = told.map(([, position]) => position);
    try {
      await withDeadline(commit(positions), ANSWER_DEADLINE_MS, "Telling Kafka the position");
      return true;
    } catch (error) {
      onFault(error);
      for (const [place, position] of told) {
        if (!waiting.has(place)) waiting.set(place, position);
      }
      return false;
    }
  }

  return {
    async note(topic, partition, next_offset) {
      waiting.set(`${topic}/${partition}`, { topic, partition, offset: String(next_offset) });
      if (stopping.aborted) await tell();
    },
    async run() {
      let is_told = true;
      while (!stopping.aborted) {
        await sleep(is_told ? INTERVAL_MS : RETRY_MS, stopping);
        is_told = await tell();
      }
      // What was noted while Kafka was being told.
      await tell();
    },
  };
}
