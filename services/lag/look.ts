/** One look at all consumer groups: how far each is behind, in records and in seconds. */
import {
  OFFSET_AT,
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
  const ends = await endsOf(lookup, groups.flatMap(({ positions }) => positions));
  const lags = await Promise.all(groups.map(async ({ name, members, positions }) => {
    const partitions = await Promise.all(positions.map(async (position) => {
      const partition_ends = ends.get(keyOf(position));
      if (partition_ends === undefined) return [];
      try {
        return [await lagOf(position, partition_ends)];
      } catch (error) {
        onFault(error, position);
        return [];
      }
    }));
    return { group: name, members, partitions: partitions.flat() };
  }));
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
  places: readonly TopicPartition[],
): Promise<Map<string, Ends>> {
  const counts = new Map<string, number>();
  for (const topic of new Set(places.map(({ topic }) => topic))) {
    counts.set(topic, await lookup.partitions(topic));
  }
  const there = new Map(
    places.filter(({ topic, partition }) => partition < counts.get(topic)!)
      .map((place) => [keyOf(place), place]),
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
