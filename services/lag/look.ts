/** One look at all consumer groups: how far each is behind, in records and in seconds. */
import { OFFSET_AT } from "../../runtime/kafka_cluster.ts";
import {
  type OffsetLookup,
  type OffsetQuestion,
  type TopicPartition,
} from "../../runtime/kafka_offsets.ts";
import type { UnreadFinder } from "./first_unread.ts";
import type { Group, GroupPosition } from "./groups.ts";

/** How far a group is behind in a partition. */
export interface PartitionLag extends TopicPartition {
  records: number;
  seconds: number;
  /** Offsets that retention has deleted before the group had read them. */
  trimmed: number;
}

/** How far a group is behind. */
export interface GroupLag {
  group: string;
  members: number | null;
  partitions: PartitionLag[];
  /** Whether a partition could not be told: what is said of the group as a whole would be wrong. */
  is_partial: boolean;
}

/** What a look needs. */
export interface LookOptions {
  lookup: Pick<OffsetLookup, "ask" | "partitions">;
  finder: UnreadFinder;
  /** Milliseconds since 1970. */
  now(): number;
  /** Told of a partition whose records can't be read: it is left out, and the others are not. */
  onFault(error: unknown, position: GroupPosition): void;
}

/** Fetches under way at once: each brings a batch at the least. */
const CONCURRENT_MAX = 8;

/** The ends of a partition. */
interface Ends {
  earliest: bigint;
  last_stable: bigint;
}

/**
 * Looks at the groups. Offsets in topics or partitions that are gone are left out.
 *
 * @param groups Where they are.
 */
export async function lookAt(
  { lookup, finder, now, onFault }: LookOptions,
  groups: readonly Group[],
): Promise<GroupLag[]> {
  const positions = groups.flatMap((group) => group.positions);
  const ends = new Map<string, Ends>();
  const unknown_topics = new Set<string>();
  for (const [topic, of_topic] of Map.groupBy(positions, (position) => position.topic)) {
    try {
      for (const [place, found] of await endsOf(lookup, topic, of_topic)) ends.set(place, found);
    } catch (error) {
      // One topic without a leader must not hide all others.
      unknown_topics.add(topic);
      onFault(error, of_topic[0]!);
    }
  }
  const lags: GroupLag[] = [];
  for (const { name, members, positions } of groups) {
    const partitions: PartitionLag[] = [];
    let is_partial = false;
    for (let at = 0; at < positions.length; at += CONCURRENT_MAX) {
      const told = await Promise.all(
        positions.slice(at, at + CONCURRENT_MAX).map(async (position) => {
          if (unknown_topics.has(position.topic)) is_partial = true;
          const partition_ends = ends.get(keyOf(position));
          if (partition_ends === undefined) return [];
          try {
            return [await lagOf(position, partition_ends)];
          } catch (error) {
            is_partial = true;
            onFault(error, position);
            return [];
          }
        }),
      );
      partitions.push(...told.flat());
    }
    lags.push({ group: name, members, partitions, is_partial });
  }
  finder.forgetOthers();
  return lags;

  async function lagOf(
    { topic, partition, offset }: GroupPosition,
    { earliest, last_stable }: Ends,
  ): Promise<PartitionLag> {
    const trimmed = offset < earliest ? Number(earliest - offset) : 0;
    const from = offset < earliest ? earliest : offset;
    const timestamp_ms = from < last_stable
      ? await finder.find({ topic, partition }, from, last_stable)
      : null;
    if (timestamp_ms === null) return { topic, partition, records: 0, seconds: 0, trimmed };
    // A producer's clock may be ahead of ours.
    const seconds = Math.max(0, now() - timestamp_ms) / 1000;
    return { topic, partition, records: Number(last_stable - from), seconds, trimmed };
  }
}

async function endsOf(
  lookup: LookOptions["lookup"],
  topic: string,
  places: readonly TopicPartition[],
): Promise<Map<string, Ends>> {
  const partitions = await lookup.partitions(topic);
  const there = new Map(
    places.filter(({ partition }) => partition < partitions).map((place) => [keyOf(place), place]),
  );
  const ask = async (timestamp_ms: number): Promise<bigint[]> => {
    const questions: OffsetQuestion[] = [...there.values()]
      .map(({ topic, partition }) => ({ topic, partition, timestamp_ms }));
    const answers = await lookup.ask(questions);
    return answers.map((answer) => answer?.offset ?? 0n);
  };
  const earliest = await ask(OFFSET_AT.earliest);
  const last_stable = await ask(OFFSET_AT.latest);
  return new Map([...there.keys()].map((key, index) => [
    key,
    { earliest: earliest[index]!, last_stable: last_stable[index]! },
  ]));
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
