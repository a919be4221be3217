/** What Kafka knows of the consumer groups: their offsets, and whether anybody lives in them. */
import type { Admin } from "kafkajs";
import { withDeadline } from "../../runtime/backoff.ts";
import type { TopicPartition } from "../../runtime/kafka_offsets.ts";

/** A consumer group. */
export interface Group {
  name: string;
  /** How many members it has; null where Kafka does not tell us. */
  members: number | null;
  positions: readonly GroupPosition[];
}

/** Where a group goes on in a partition. */
export interface GroupPosition extends TopicPartition {
  offset: bigint;
}

/** The groups that are shown, and how many more there are. */
export interface FoundGroups {
  groups: Group[];
  left_out: number;
}

/** What is asked again and again by kafkajs ends here for us; for it, after its retries. */
const ANSWER_DEADLINE_MS = 10_000;
/** Groups asked for at once. */
const CONCURRENT_MAX = 8;
/** Groups of other kinds (Connect's workers) keep no offsets. */
const CONSUMER_PROTOCOLS = ["consumer", ""];

/**
 * Finds the groups and where they are.
 *
 * @param admin A connected admin client.
 * @param groups_max Most groups to return; by name.
 * @param onFault Told of a group whose coordinator does not answer: it is left out.
 */
export async function findGroups(
  admin: Admin,
  groups_max: number,
  onFault: (error: unknown, group: string) => void,
): Promise<FoundGroups> {
  const within = <Answer>(answer: Promise<Answer>, doing: string): Promise<Answer> =>
    withDeadline(answer, ANSWER_DEADLINE_MS, doing);
  const { groups: listed } = await within(admin.listGroups(), "Listing the consumer groups");
  const names = listed
    .filter(({ protocolType }) => CONSUMER_PROTOCOLS.includes(protocolType))
    .map(({ groupId }) => groupId)
    .sort();
  const shown = names.slice(0, groups_max);
  if (shown.length === 0) return { groups: [], left_out: 0 };
  const groups: Group[] = [];
  for (let at = 0; at < shown.length; at += CONCURRENT_MAX) {
    await Promise.all(
      shown.slice(at, at + CONCURRENT_MAX).map(async (name) => {
        try {
          groups.push(await findGroup(name));
        } catch (error) {
          onFault(error, name);
        }
      }),
    );
  }
  return { groups, left_out: names.length - shown.length };

  async function findGroup(name: string): Promise<Group> {
    const { groups: [described] } = await within(
      admin.describeGroups([name]),
      `Describing group ${name}`,
    );
    const topics = await within(
      admin.fetchOffsets({ groupId: name }),
      `Reading the offsets of group ${name}`,
    );
    const positions = topics.flatMap(({ topic, partitions }) =>
      partitions
        .filter(({ offset }) => offset !== "-1")
        .map(({ partition, offset }) => ({ topic, partition, offset: BigInt(offset) }))
    );
    // A group of the newer protocol is dead to whoever asks in the older one.
    const members = described?.state === "Dead" ? null : described?.members.length ?? null;
    return { name, members, positions };
  }
}
