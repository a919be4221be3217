/**
 * Makes sure that a new replay's source is its own: two that begin at one moment with files of one
 * name find the same name free. Each says in Kafka which name it takes, and the first to say it has
 * it: the order of one partition's records is the same for all.
 */
import { type PartitionReader, readRange } from "../../../runtime/kafka_reader.ts";
import { runOf } from "./replay_resume.ts";
import { replaySource } from "./replay_run.ts";
import type { Door } from "./source.ts";

/** Claims are markers, which are in every partition; this one's order counts. */
export const CLAIM_PARTITION = 0;

/** Who claims, and what is known already. */
export interface ClaimWish {
  topic: string;
  path: string;
  run: string;
  /** Sources of other runs; those that are met on the way are added. */
  taken_sources: Set<string>;
  /** Offset up to which the claim partition has been searched for them. */
  searched_to: bigint;
}

/**
 * Claims a source for a run. Waits as long as Kafka is away.
 *
 * @param reader Reads the tick topic.
 * @param door Where the claim goes to Kafka.
 * @param stopping Ends the wait.
 * @param wish Who claims.
 * @returns The source; null where the producer stops first.
 */
export async function claimSource(
  reader: PartitionReader,
  door: Door,
  stopping: AbortSignal,
  wish: ClaimWish,
): Promise<string | null> {
  for (;;) {
    const source = replaySource(wish.path, wish.taken_sources);
    if (!await sayClaim(door, stopping, source, wish.run)) return null;
    if (await firstRunOf(reader, wish, source) === wish.run) return source;
    wish.taken_sources.add(source);
  }
}

/** True when the claim is in Kafka. */
async function sayClaim(
  door: Door,
  stopping: AbortSignal,
  source: string,
  run: string,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const give_up = (): void => resolve(false);
  stopping.addEventListener("abort", give_up, { once: true });
  const confirmed = (): void => resolve(true);
  // It tells of no event time, so that it moves no watermark.
  const claim = { kind: "marker", source, event_time: null, ended: false, run, confirmed } as const;
  const is_confirmed = await door.put(claim) && await promise;
  stopping.removeEventListener("abort", give_up);
  return is_confirmed;
}

/** The run that was the first to use a source since the search. */
async function firstRunOf(
  reader: PartitionReader,
  { topic, searched_to }: ClaimWish,
  source: string,
): Promise<string> {
  const { last_stable } = await reader.ends(topic, CLAIM_PARTITION);
  for await (
    const records of readRange(reader, topic, CLAIM_PARTITION, searched_to, last_stable)
  ) {
    for (const record of records) {
      const found = runOf(record);
      if (found?.source === source) return found.run;
    }
  }
  throw new Error(
    `Cannot find the claim of source ${source} in ${topic}/${CLAIM_PARTITION} from offset ` +
      `${searched_to} to ${last_stable}, though Kafka has acknowledged it: start the replay again`,
  );
}
