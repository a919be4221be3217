/**
 * Taking a partition over: fence whoever had it, and only then read where it stands. Nothing that
 * was in memory before counts (design: a transactional producer made anew is a takeover).
 */
import type { Admin, Kafka, Producer } from "kafkajs";
import type { CandleRecord } from "../../contract/candle.ts";
import { candleKey } from "../../contract/candle.ts";
import { RECORD_KIND_HEADER, type StateRecord } from "../../contract/records.ts";
import { withDeadline } from "../../runtime/backoff.ts";
import { KAFKA_RETRY } from "../../runtime/kafka.ts";
import {
  type Fencer,
  TRANSACTION_RETRY,
  TRANSACTION_TIMEOUT_MS,
} from "../../runtime/kafka_fence.ts";
import { type PartitionEnds, type PartitionReader, readRange } from "../../runtime/kafka_reader.ts";
import { openPartition, type PartitionState, type Restored } from "./partition_state.ts";
import type { WindowRules } from "./series.ts";

/** What a takeover needs. */
export interface TakeoverOptions {
  kafka: Kafka;
  admin: Admin;
  reader: PartitionReader;
  fencer: Fencer;
  group: string;
  tick_topic: string;
  candle_topic: string;
  dead_letter_topic: string;
  partitions: number;
  rules: WindowRules;
}

/** A partition that is ours: its producer, and its state. */
export interface OwnedPartition {
  producer: Producer;
  state: PartitionState;
  /** Records that retention deleted before they were read. */
  trimmed: bigint;
  /** The group's offset, where it is not that of the state: the state stands. */
  other_offset: string | null;
}

/** Longest wait for an answer that kafkajs would ask for again and again without an end. */
const ANSWER_DEADLINE_MS = 15_000;

function transactionalId(group: string, partition: number): string {
  return `${group}-${partition}`;
}

/** Where the group goes on, as Kafka has it: partitions in which it has committed. */
export async function committedOffsets(
  { admin, group, tick_topic }: Pick<TakeoverOptions, "admin" | "group" | "tick_topic">,
): Promise<{ partition: number; offset: string; metadata: string | null }[]> {
  const [offsets] = await withDeadline(
    admin.fetchOffsets({ groupId: group, topics: [tick_topic] }),
    ANSWER_DEADLINE_MS,
    `Reading the offsets of group ${group}`,
  );
  return (offsets?.partitions ?? []).filter(({ offset }) => offset !== "-1");
}

/**
 * Takes a partition over. The caller has confirmed its assignment just before.
 *
 * @param partition The partition.
 * @param keepAlive Called between steps: a heartbeat, which throws when the assignment is lost.
 * @throws Error when a step fails; nothing is held then.
 */
export async function takeOver(
  options: TakeoverOptions,
  partition: number,
  keepAlive: () => Promise<void>,
): Promise<OwnedPartition> {
  const producer = options.kafka.producer({
    transactionalId: transactionalId(options.group, partition),
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    transactionTimeout: TRANSACTION_TIMEOUT_MS,
    // The broker ends a transaction in the background and answers CONCURRENT_TRANSACTIONS for the
    // next few ms: a short first wait makes a transaction 20 ms instead of 300.
    retry: { ...KAFKA_RETRY, ...TRANSACTION_RETRY },
  });
  try {
    const given_up = new AbortController();
    await withDeadline(
      fence(options, partition, producer, keepAlive, given_up.signal),
      ANSWER_DEADLINE_MS,
      `Getting the producer of partition ${partition}`,
    ).finally(() => given_up.abort(new Error("The takeover was given up")));
    await keepAlive();
    const { other_offset, ...restored } = await restore(options, partition, keepAlive);
    const { earliest, last_stable } = await options.reader.ends(options.tick_topic, partition);
    if (restored.next_offset > last_stable) {
      throw new Error(
        `Cannot go on with partition ${partition}: group ${options.group} has come to offset ` +
          `${restored.next_offset}, and ${options.tick_topic} ends at ${last_stable}. Was Kafka ` +
          "restored from an older copy? Delete the group to start anew from the oldest tick",
      );
    }
    const trimmed = restored.next_offset < earliest ? earliest - restored.next_offset : 0n;
    const state = openPartition(partition, options.partitions, options.rules, {
      ...restored,
      next_offset: restored.next_offset + trimmed,
    });
    return { producer, state, trimmed: restored.state === null ? 0n : trimmed, other_offset };
  } catch (error) {
    await producer.disconnect();
    throw error;
  }
}

/**
 * Fences whoever had the partition, and ends what was left open. Records of letters may be there
 * twice and must not be lost; all else of an undecided transaction is given up and made again.
 */
async function fence(
  options: TakeoverOptions,
  partition: number,
  producer: Producer,
  keepAlive: () => Promise<void>,
  given_up: AbortSignal,
): Promise<void> {
  const { reader, candle_topic } = options;
  await options.fencer.fence({
    transactional_id: transactionalId(options.group, partition),
    aborted: [{ topic: candle_topic, partition }],
    committed: await undecidedLetters(options),
  }, given_up);
  await keepAlive();
  given_up.throwIfAborted();
  // kafkajs asks for the id's epoch not when it connects but at the first transaction.
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.abort();
  // Nobody else may write to this partition now, so nothing in it can be undecided.
  const { last_stable } = await reader.ends(candle_topic, partition);
  const end = await reader.end(candle_topic, partition);
  if (end !== last_stable) {
    throw new Error(
      `A transaction is still open in partition ${partition} of topic ${candle_topic}: it is ` +
        `decided up to offset ${last_stable}, and ends at ${end}`,
    );
  }
}

/** Partitions of the dead letters that hold what is undecided, be it another's. */
async function undecidedLetters(
  { reader, dead_letter_topic: topic }: TakeoverOptions,
): Promise<{ topic: string; partition: number }[]> {
  const places: { topic: string; partition: number }[] = [];
  for (let partition = 0; partition < await reader.partitions(topic); partition++) {
    const { last_stable } = await reader.ends(topic, partition);
    if (await reader.end(topic, partition) > last_stable) places.push({ topic, partition });
  }
  return places;
}

/**
 * Reads the committed offset and, from where it points, the state. Both were written in one
 * transaction, and yet a broker may have lost what makes one of them count (runtime/kafka_fence.ts).
 * Then the state stands: it is what readers of the windows have. An offset without our metadata is
 * somebody's wish to begin elsewhere, which the windows can't follow.
 */
async function restore(
  options: TakeoverOptions,
  partition: number,
  keepAlive: () => Promise<void>,
): Promise<Restored & { other_offset: string | null }> {
  const { reader, group, tick_topic, candle_topic } = options;
  const offsets = await committedOffsets(options);
  const committed = offsets.find((candidate) => candidate.partition === partition);
  const output = await reader.ends(candle_topic, partition);
  if (committed === undefined) {
    const { earliest } = await reader.ends(tick_topic, partition);
    return {
      next_offset: earliest,
      restore_from: output.last_stable,
      state: null,
      candles: [],
      other_offset: null,
    };
  }
  const restore_from = BigInt(committed.metadata || "0");
  const { state, candles } = await readOutput(options, partition, restore_from, output, keepAlive);
  const is_ours = committed.metadata !== null && committed.metadata !== "";
  if (state === null || state.next_offset !== committed.offset && !is_ours) {
    throw new Error(
      `Cannot restore partition ${partition}: group ${group} has committed offset ` +
        `${committed.offset}, and the last state in ${candle_topic} from offset ${restore_from} ` +
        `on is of ${
          state?.next_offset ?? "none"
        }. The topic and the group do not belong together: ` +
        `was one of them deleted or reset? Delete the group to start anew from the oldest tick`,
    );
  }
  return {
    next_offset: BigInt(state.next_offset),
    restore_from,
    state,
    candles: candles.values(),
    other_offset: state.next_offset === committed.offset ? null : committed.offset,
  };
}

/** What the output topic holds from an offset on. */
interface OutputRead {
  /** The last state; null where there is none. */
  state: StateRecord | null;
  /** The newest record of each window. */
  candles: Map<string, CandleRecord>;
}

async function readOutput(
  { reader, candle_topic }: TakeoverOptions,
  partition: number,
  restore_from: bigint,
  { earliest, last_stable }: PartitionEnds,
  keepAlive: () => Promise<void>,
): Promise<OutputRead> {
  const from = restore_from < earliest ? earliest : restore_from;
  const candles = new Map<string, CandleRecord>();
  let state: StateRecord | null = null;
  for await (const records of readRange(reader, candle_topic, partition, from, last_stable)) {
    for (const record of records) {
      const kind = record.headers?.[RECORD_KIND_HEADER]?.toString();
      if (kind === "state") state = JSON.parse(record.value!.toString()) as StateRecord;
      if (kind !== undefined || record.value === null) continue;
      const candle = JSON.parse(record.value.toString()) as CandleRecord;
      candles.set(
        candleKey(candle.source, candle.symbol, candle.interval, candle.window_start),
        candle,
      );
    }
    await keepAlive();
  }
  return { state, candles };
}
