/**
 * Where a partition goes on: the database decides, since rows and position move in one transaction.
 * What Kafka's group remembers is for whoever watches lag.
 */
import type { Database } from "../../runtime/database.ts";
import type { PartitionEnds, PartitionReader } from "../../runtime/kafka_reader.ts";
import { SetupError } from "../../runtime/setup_error.ts";

/** Whose positions: the consumer's name, and the cluster that it reads now. */
export interface PositionOwner {
  consumer: string;
  cluster_id: string;
}

/** A row of kafka_offsets, for one consumer, topic and partition. */
export interface RememberedPosition {
  cluster_id: string;
  next_offset: bigint;
}

/** Where to go on, and what was lost on the way. */
export interface ClaimedPosition {
  next_offset: bigint;
  /** Records that the topic's retention deleted before they were stored. */
  trimmed: bigint;
}

/** The database's memory does not fit the topic: going on would skip or mix data. */
export class PositionRefusedError extends SetupError {
  override name = "PositionRefusedError";
}

/**
 * Judges what a database remembers of a partition against what the topic holds. Pure.
 *
 * @param owner Whose position.
 * @param place `topic/partition`, for messages.
 * @param remembered All rows of this consumer, topic and partition, whatever their cluster.
 * @param ends What the topic holds.
 * @returns Null where nothing is remembered yet.
 * @throws PositionRefusedError that says what to do.
 */
export function judgePosition(
  owner: PositionOwner,
  place: string,
  remembered: readonly RememberedPosition[],
  ends: PartitionEnds,
): ClaimedPosition | null {
  const other = remembered.find((row) => row.cluster_id !== owner.cluster_id);
  if (other !== undefined) {
    throw new PositionRefusedError(
      `Cannot go on with ${place}: the database remembers offset ${other.next_offset} of Kafka ` +
        `cluster ${other.cluster_id} for consumer ${owner.consumer}, and this is cluster ` +
        `${owner.cluster_id}. Use the database that belongs to this cluster (DATABASE_URL), or ` +
        "another CONSUMER_GROUP to store this cluster's ticks beside the other's",
    );
  }
  const own = remembered[0];
  if (own === undefined) return null;
  if (own.next_offset > ends.last_stable) {
    throw new PositionRefusedError(
      `Cannot go on with ${place}: the database has stored up to offset ${own.next_offset} for ` +
        `consumer ${owner.consumer}, and the topic ends at ${ends.last_stable}. Was the topic ` +
        "deleted or Kafka restored from an older copy? Use another database (DATABASE_URL), or, " +
        "if the topic begins anew on purpose, delete the consumer's rows from kafka_offsets",
    );
  }
  const trimmed = own.next_offset < ends.earliest ? ends.earliest - own.next_offset : 0n;
  return { next_offset: own.next_offset + trimmed, trimmed };
}

/** What a database remembers of a partition. */
async function readPositions(
  database: Database,
  owner: PositionOwner,
  topic: string,
  partition: number,
): Promise<RememberedPosition[]> {
  const rows = await database.sql<{ cluster_id: string; next_offset: string }[]>`
    SELECT cluster_id, next_offset FROM kafka_offsets
    WHERE consumer = ${owner.consumer} AND topic = ${topic} AND partition = ${partition}`;
  return rows.map(({ cluster_id, next_offset }) => ({
    cluster_id,
    next_offset: BigInt(next_offset),
  }));
}

/** Remembers a partition's oldest record where nothing is remembered; another instance may be first. */
async function rememberFirst(
  { sql }: Database,
  owner: PositionOwner,
  topic: string,
  partition: number,
  ends: PartitionEnds,
): Promise<void> {
  await sql`
    INSERT INTO kafka_offsets (consumer, cluster_id, topic, partition, next_offset)
    VALUES (${owner.consumer}, ${owner.cluster_id}, ${topic}, ${partition}, ${
    String(ends.earliest)
  })
    ON CONFLICT DO NOTHING`;
}

/**
 * Reads where a partition goes on, and remembers it where nothing was remembered: its oldest record.
 *
 * @param readEnds Asks what the topic holds. It is asked after each reading of the position: a
 *   partition's former owner may still be storing, and its position would seem to be past an end
 *   that was read before.
 * @throws PositionRefusedError where the database does not belong to the topic.
 */
export async function claimPosition(
  database: Database,
  owner: PositionOwner,
  topic: string,
  partition: number,
  readEnds: () => Promise<PartitionEnds>,
): Promise<ClaimedPosition> {
  const place = `${topic}/${partition}`;
  const judge = async (): Promise<ClaimedPosition | null> => {
    const remembered = await readPositions(database, owner, topic, partition);
    return judgePosition(owner, place, remembered, await readEnds());
  };
  let claimed = await judge();
  if (claimed === null) {
    await rememberFirst(database, owner, topic, partition, await readEnds());
    claimed = await judge();
  }
  if (claimed === null) {
    throw new Error(`Cannot go on with ${place}: its row in kafka_offsets vanished while claimed`);
  }
  if (claimed.trimmed > 0n) {
    await database.sql`
      UPDATE kafka_offsets SET next_offset = ${String(claimed.next_offset)}
      WHERE consumer = ${owner.consumer} AND cluster_id = ${owner.cluster_id}
        AND topic = ${topic} AND partition = ${partition}
        AND next_offset = ${String(claimed.next_offset - claimed.trimmed)}`;
  }
  return claimed;
}

/**
 * Checks at start that a database and the topics belong together, partitions without new records
 * included, and remembers the beginning of those that are new: whoever looks for what is not stored
 * yet finds a row for each. Where they do not belong together nothing is remembered: the database's
 * own sink would be refused by such a row.
 *
 * @param reader Tells what the topics hold.
 * @param topics The topics that the consumer reads.
 * @throws PositionRefusedError where they do not.
 */
export async function checkPositions(
  database: Database,
  reader: PartitionReader,
  owner: PositionOwner,
  topics: readonly string[],
): Promise<void> {
  const fresh: { topic: string; partition: number; ends: PartitionEnds }[] = [];
  for (const topic of topics) {
    const partitions = await reader.partitions(topic);
    for (let partition = 0; partition < partitions; partition++) {
      const remembered = await readPositions(database, owner, topic, partition);
      const ends = await reader.ends(topic, partition);
      const judged = judgePosition(owner, `${topic}/${partition}`, remembered, ends);
      if (judged === null) fresh.push({ topic, partition, ends });
    }
  }
  for (const { topic, partition, ends } of fresh) {
    await rememberFirst(database, owner, topic, partition, ends);
  }
}
