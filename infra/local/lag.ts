/** How far the stages are behind: in seconds, and whether anything is left to do. */
import type { Admin } from "kafkajs";
import type { Database } from "../../runtime/database.ts";
import type { PartitionReader } from "../../runtime/kafka_reader.ts";

/** Offsets at which a reader goes on, by partition; a partition that is not named: at its start. */
export type Positions = ReadonlyMap<number, bigint>;

/**
 * The ingest time of the oldest record that a reader has not passed. Judged by records, not by
 * offsets: a transactional topic ends in markers, which no reader ever sees.
 *
 * @param reader Reads the topic.
 * @param topic The topic.
 * @param positions Where the reader goes on.
 * @returns Milliseconds since the epoch; null if nothing is left to read.
 */
export async function oldestUnread(
  reader: PartitionReader,
  topic: string,
  positions: Positions,
): Promise<number | null> {
  let oldest: number | null = null;
  const partitions = await reader.partitions(topic);
  for (let partition = 0; partition < partitions; partition++) {
    const { earliest, last_stable } = await reader.ends(topic, partition);
    const position = positions.get(partition) ?? earliest;
    const timestamp = await firstTimestamp(
      reader,
      topic,
      partition,
      position > earliest ? position : earliest,
      last_stable,
    );
    if (timestamp !== null && (oldest === null || timestamp < oldest)) oldest = timestamp;
  }
  return oldest;
}

/** Timestamp of the first committed record from an offset on, null if there is none. */
async function firstTimestamp(
  reader: PartitionReader,
  topic: string,
  partition: number,
  from: bigint,
  end: bigint,
): Promise<number | null> {
  for (let offset = from; offset < end;) {
    const batch = await reader.fetch(topic, partition, offset);
    const record = batch.records[0];
    if (record !== undefined) return Number(record.timestamp);
    if (batch.next_offset <= offset) return null;
    offset = batch.next_offset;
  }
  return null;
}

/**
 * Where the sink goes on, as the database has it.
 *
 * @param database The sink's database.
 * @param consumer The sink's consumer group.
 * @param cluster_id Kafka's.
 * @param topic Topic.
 */
export async function sinkPositions(
  database: Database,
  consumer: string,
  cluster_id: string,
  topic: string,
): Promise<Positions> {
  const rows = await database.sql<{ partition: number; next_offset: string }[]>`
    SELECT partition, next_offset FROM kafka_offsets
    WHERE consumer = ${consumer} AND cluster_id = ${cluster_id} AND topic = ${topic}`;
  return new Map(rows.map((row) => [row.partition, BigInt(row.next_offset)]));
}

/**
 * Where a consumer group goes on, as Kafka has it.
 *
 * @param admin A connected admin client.
 * @param group The group.
 * @param topic Topic.
 */
export async function groupPositions(
  admin: Admin,
  group: string,
  topic: string,
): Promise<Positions> {
  const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
  const committed = (offsets?.partitions ?? []).filter(({ offset }) => offset !== "-1");
  return new Map(committed.map(({ partition, offset }) => [partition, BigInt(offset)]));
}
