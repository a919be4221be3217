/**
 * Sends dead letters back into the tick topic, the producer's own way: markers with receipts tell
 * the ledger that they are ours.
 */
import { Buffer } from "node:buffer";
import { addChecksum, tickHash } from "../../contract/ledger.ts";
import { partitionOf } from "../../contract/partition.ts";
import { withDeadline } from "../../runtime/backoff.ts";
import type { DeadLetter } from "../../runtime/dead_letters.ts";
import { headerText } from "../../runtime/kafka_record.ts";
import { type Compression, createKafka } from "../../runtime/kafka.ts";
import { readRange } from "../../runtime/kafka_reader.ts";
import { recordBytes } from "../../runtime/send_sizes.ts";
import { openSender, type OutgoingRecord, type Sender } from "../../runtime/kafka_sender.ts";
import { type MarkerContext, receiptMarkers } from "../../services/producer/marker_records.ts";
import { createReceipts } from "../../services/producer/receipts.ts";
import { reachKafka } from "../reach_kafka.ts";
import { type LetterSource, readLetters } from "./letters.ts";
import { letterIdentity, type PlannedReplay, planReplay, REPLAY_OF_HEADER } from "./replay_plan.ts";

/** What to replay, and how. */
export interface ReplayOptions extends LetterSource {
  tick_topic: string;
  compression: Compression;
  /** In place of the original bytes; for one letter. */
  corrected: string | null;
  /** Replay what has been replayed before too. */
  again: boolean;
  /** Send nothing. */
  dry_run: boolean;
}

/** A letter that was not replayed, and why. */
export interface NotReplayed {
  letter: DeadLetter;
  refusal: string;
}

/** What was done. */
export interface ReplayResult {
  replayed: number;
  by_partition: Map<number, number>;
  already: number;
  not_replayed: number;
  /** The first of them. */
  examples: NotReplayed[];
}

/** A send holds at most so much, or one letter: below the broker's limit for one batch. */
const BATCH_LETTERS_MAX = 500;
const BATCH_BYTES_MAX = 500_000;
const SEND_DEADLINE_MS = 60_000;
const EXAMPLES_MAX = 20;
/** Identities held at most: of what has been replayed as long as Kafka remembers it. */
const IDENTITIES_MAX = 1_000_000;

/**
 * Replays letters. A record of each replay is the replayed record itself: its header names the
 * letter, so what is in the topic has been replayed, whatever became of this process. Two replays
 * of the same letters at the same time would not see each other.
 *
 * @param options What, and how.
 * @returns What was done.
 * @throws Error where Kafka refuses; what was sent before stays sent, and is not sent again.
 */
export async function replayLetters(options: ReplayOptions): Promise<ReplayResult> {
  const { tick_topic } = options;
  const { partitions, done } = await lookAtTopic(options);
  const result: ReplayResult = {
    replayed: 0,
    by_partition: new Map(),
    already: 0,
    not_replayed: 0,
    examples: [],
  };
  const planned = plannedReplays(options, done, result);
  if (options.dry_run) {
    for await (const { tick } of planned) count(result, partitionOf(tick.symbol, partitions));
    return result;
  }
  const sender = await confirmed(openSender(createKafka(options.kafka), options.compression));
  try {
    await sendAll(sender, tick_topic, partitions, planned, result);
  } finally {
    await sender.close();
  }
  return result;
}

async function* plannedReplays(
  options: ReplayOptions,
  done: Set<string>,
  result: ReplayResult,
): AsyncGenerator<PlannedReplay> {
  for await (const letter of readLetters(options)) {
    const identity = letterIdentity(letter, options.dead_letter_topic);
    if (done.has(identity)) {
      result.already++;
      continue;
    }
    const plan = planReplay(letter, { ...options, now_ms: Date.now() });
    if ("refusal" in plan) {
      result.not_replayed++;
      if (result.examples.length < EXAMPLES_MAX) {
        result.examples.push({ letter, refusal: plan.refusal });
      }
      continue;
    }
    hold(done, identity);
    yield plan;
  }
}

/** Counts the tick topic's partitions, and finds what has been replayed: records that name a letter. */
async function lookAtTopic(
  { kafka, tick_topic, again }: ReplayOptions,
): Promise<{ partitions: number; done: Set<string> }> {
  const done = new Set<string>();
  const reader = await reachKafka(kafka, tick_topic);
  try {
    const partitions = await reader.partitions(tick_topic);
    if (partitions === 0) {
      throw new Error(
        `Cannot replay into topic ${tick_topic}: it does not exist at ` +
          `${kafka.bootstrap_servers.join(",")}. deno task start makes it`,
      );
    }
    if (again) return { partitions, done };
    for (let partition = 0; partition < partitions; partition++) {
      const { earliest, last_stable } = await reader.ends(tick_topic, partition);
      for await (const records of readRange(reader, tick_topic, partition, earliest, last_stable)) {
        for (const { headers } of records) {
          const identity = headerText(headers, REPLAY_OF_HEADER);
          if (identity !== null) hold(done, identity);
        }
      }
    }
    return { partitions, done };
  } finally {
    await reader.close();
  }
}

function hold(identities: Set<string>, identity: string): void {
  if (identities.size >= IDENTITIES_MAX) {
    throw new Error(
      `Cannot hold the names of over ${IDENTITIES_MAX} replayed letters: choose fewer by ` +
        "--stage or --reason, or replay with --again what you know not to be replayed",
    );
  }
  identities.add(identity);
}

function count(result: ReplayResult, partition: number): void {
  result.replayed++;
  result.by_partition.set(partition, (result.by_partition.get(partition) ?? 0) + 1);
}

/** A sender waits for a broker for ever; a person does not. */
function confirmed<Value>(sending: Promise<Value>): Promise<Value> {
  return withDeadline(
    sending,
    SEND_DEADLINE_MS,
    "Sending to Kafka (run it again: what is there already is not sent twice)",
  );
}

/** Sends in batches; each is confirmed before the next, whose head carries its receipt. */
async function sendAll(
  sender: Sender,
  tick_topic: string,
  partitions: number,
  planned: AsyncIterable<PlannedReplay>,
  result: ReplayResult,
): Promise<void> {
  const receipts = createReceipts(partitions);
  const markers: MarkerContext = {
    topic: tick_topic,
    run: `dead-letters/${crypto.randomUUID()}`,
    partitions,
    receipts,
  };
  let batch: PlannedReplay[] = [];
  let bytes = 0;
  let greeted = false;

  async function sendBatch(): Promise<void> {
    const now_ms = Date.now();
    const every = Array.from({ length: partitions }, (_, partition) => partition);
    // The first marker in each partition makes this run known as one of ours.
    const head = receiptMarkers(markers, greeted ? receipts.unreported() : every, now_ms);
    greeted = true;
    const counts = every.map(() => ({ ticks: 0, checksum: 0 }));
    const records = batch.map((replay): OutgoingRecord => {
      const partition = partitionOf(replay.tick.symbol, partitions);
      const sum = counts[partition]!;
      sum.ticks++;
      sum.checksum = addChecksum(sum.checksum, tickHash(replay.tick));
      return {
        topic: tick_topic,
        partition,
        key: replay.tick.symbol,
        // kafkajs takes bytes only as a Buffer; this is a view, not a copy.
        value: Buffer.from(replay.value.buffer, replay.value.byteOffset, replay.value.byteLength),
        timestamp_ms: now_ms,
        headers: replay.headers,
      };
    });
    await confirmed(sender.send([...head, ...records]));
    receipts.add(now_ms, counts);
    for (const { partition } of records) count(result, partition!);
    batch = [];
    bytes = 0;
  }

  for await (const replay of planned) {
    const size = recordBytes({
      topic: tick_topic,
      key: replay.tick.symbol,
      value: replay.value,
      timestamp_ms: 0,
      headers: replay.headers,
    });
    const is_full = batch.length >= BATCH_LETTERS_MAX || bytes + size > BATCH_BYTES_MAX;
    if (is_full && batch.length > 0) await sendBatch();
    batch.push(replay);
    bytes += size;
  }
  if (batch.length > 0) await sendBatch();
  if (receipts.unreported().length > 0) {
    await confirmed(sender.send(receiptMarkers(markers, receipts.unreported(), Date.now())));
  }
}
