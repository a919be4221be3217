/**
 * A model of Kafka for tests, in place of the client: a tick log, the transactions of one partition,
 * a group's offset, fencing by epoch, compaction. Whoever uses it is the real code of a takeover and
 * a flush. A crash is set for a chosen change of what Kafka holds. Deterministic: no clock, no I/O.
 */
import { Buffer } from "node:buffer";
import type { Admin, Kafka, Message, Producer } from "kafkajs";
import type { KafkaRecord } from "../../runtime/kafka_record.ts";
import type { PartitionReader } from "../../runtime/kafka_reader.ts";

/** Names of what there is. */
export const TOPICS = {
  tick_topic: "ticks",
  candle_topic: "candles",
  dead_letter_topic: "letters",
} as const;

/** A record of an output topic, as the client gave it. */
export interface OutputRecord {
  offset: bigint;
  transaction: Transaction;
  key: string;
  value: Message["value"];
  headers: { [name: string]: string | Buffer };
}

interface Transaction {
  state: "open" | "committed" | "aborted";
  /** The group's offset and metadata that it brings; null until they are sent. */
  offsets: { next_offset: string; metadata: string } | null;
}

/** What Kafka holds. */
export interface SimulatedKafka {
  ticks: readonly KafkaRecord[];
  candles: OutputRecord[];
  letters: OutputRecord[];
  /** Offsets of the candle topic: transaction markers take one each. */
  candle_end: bigint;
  committed: { next_offset: string; metadata: string } | null;
  epoch: number;
  open: Transaction | null;
  /** What it held after each change; null where nobody asks. */
  history: SimulatedKafka[] | null;
  /** Changes of all this so far, and what the last one was. */
  changes: number;
  last_change: string;
  /** What happens to the process that makes so many changes; null: nothing. */
  fault: { after_changes: number; kind: "dies" | "freezes" } | null;
  /** Calls of any kind so far. */
  calls: number;
  /** A frozen process goes on at this call of another. */
  thaw_at_call: number;
  /** Lets a frozen process go on; null where none is frozen. */
  thaw: (() => void) | null;
}

/** What a dead process' calls come back with: nothing, ever; here an error that ends it. */
class Crash extends Error {
  override name = "Crash";
}

/** Whether an error is the end of a process that was to die. */
export function isCrash(error: unknown): boolean {
  return error instanceof Crash || (error as Error).cause instanceof Crash;
}

/** Kafka with some ticks, and nothing else. */
export function simulateKafka(ticks: readonly KafkaRecord[]): SimulatedKafka {
  return {
    ticks,
    candles: [],
    letters: [],
    candle_end: 0n,
    committed: null,
    epoch: 0,
    open: null,
    history: null,
    changes: 0,
    last_change: "",
    fault: null,
    calls: 0,
    thaw_at_call: 0,
    thaw: null,
  };
}

/** Another Kafka that holds the same; its history is not copied. */
export function copyKafka(kafka: SimulatedKafka): SimulatedKafka {
  // Only the open transaction can change any more.
  const open = kafka.open && { ...kafka.open };
  const copied = (record: OutputRecord): OutputRecord =>
    open !== null && record.transaction === kafka.open ? { ...record, transaction: open } : record;
  const records = { candles: kafka.candles.map(copied), letters: kafka.letters.map(copied) };
  return { ...kafka, ...records, open, history: null };
}

/** The records that a reader of committed records gets. */
export function committedRecords(records: readonly OutputRecord[]): OutputRecord[] {
  return records.filter(({ transaction }) => transaction.state === "committed");
}

/** Removes each committed record of the candle topic that a newer one of its key stands for. */
export function compact(kafka: SimulatedKafka): void {
  const newest = new Map(committedRecords(kafka.candles).map((record) => [record.key, record]));
  kafka.candles = kafka.candles.filter((record) =>
    record.transaction.state !== "committed" || newest.get(record.key) === record
  );
}

function end(kafka: SimulatedKafka, state: "committed" | "aborted"): void {
  const { open } = kafka;
  if (open === null) return;
  open.state = state;
  if (state === "committed" && open.offsets !== null) kafka.committed = open.offsets;
  kafka.candle_end++;
  kafka.open = null;
}

/** Turns of the event loop's queue in which a process makes all the calls of a flush. */
const THAW_TURNS = 60;

/** A client of it, with the parts that a takeover and a flush use. */
export function clientOf(
  kafka: SimulatedKafka,
): { kafka: Kafka; admin: Admin; reader: PartitionReader } {
  let is_dead = false;
  const called = async (): Promise<void> => {
    if (is_dead) throw new Crash("a dead process does nothing");
    if (++kafka.calls < kafka.thaw_at_call || kafka.thaw === null) return;
    kafka.thaw();
    kafka.thaw = null;
    // The one that was frozen comes as far as it can before this one goes on.
    for (let turn = 0; turn < THAW_TURNS; turn++) await null;
  };
  const changed = async (change: string): Promise<void> => {
    kafka.last_change = change;
    kafka.changes++;
    kafka.history?.push(copyKafka(kafka));
    if (kafka.changes !== kafka.fault?.after_changes) return;
    if (kafka.fault.kind === "freezes") {
      await new Promise<void>((resolve) => kafka.thaw = resolve);
    } else {
      is_dead = true;
      throw new Crash(change);
    }
  };

  function producer(): Producer {
    let epoch = -1;
    const mayWrite = async (): Promise<void> => {
      await called();
      if (epoch !== kafka.epoch) throw new Error("The producer is fenced");
    };
    const transaction = {
      async sendBatch(sent: { topicMessages: { topic: string; messages: Message[] }[] }) {
        await mayWrite();
        kafka.open ??= { state: "open", offsets: null };
        const baseOffset = String(kafka.candle_end);
        for (const { topic, messages } of sent.topicMessages) append(topic, messages);
        await changed("records were sent");
        return [{ baseOffset }];
      },
      async sendOffsets(sent: {
        topics: { partitions: { offset: string; metadata: string }[] }[];
      }) {
        await mayWrite();
        const { offset, metadata } = sent.topics[0]!.partitions[0]!;
        kafka.open ??= { state: "open", offsets: null };
        kafka.open.offsets = { next_offset: offset, metadata };
        await changed("offsets were sent");
      },
      async commit() {
        await mayWrite();
        end(kafka, "committed");
        await changed("a transaction was committed");
      },
      // One that nothing was sent in asks Kafka for nothing.
      abort: () => Promise.resolve(),
    };
    const made = {
      // It asks for a producer id without the transactional id, which fences nobody.
      connect: called,
      disconnect: () => Promise.resolve(),
      async transaction() {
        if (epoch < 0) {
          await called();
          end(kafka, "aborted");
          epoch = ++kafka.epoch;
          await changed("a producer was made");
        }
        return transaction;
      },
    };
    return made as unknown as Producer;
  }

  function append(topic: string, messages: readonly Message[]): void {
    const transaction = kafka.open!;
    const into = topic === TOPICS.candle_topic ? kafka.candles : kafka.letters;
    for (const { key, value, headers } of messages) {
      const offset = topic === TOPICS.candle_topic ? kafka.candle_end++ : 0n;
      const kept = (headers ?? {}) as OutputRecord["headers"];
      into.push({ offset, transaction, key: String(key), value, headers: kept });
    }
  }

  const admin = {
    async fetchOffsets() {
      await called();
      const { next_offset: offset, metadata } = kafka.committed ??
        { next_offset: "-1", metadata: "" };
      return [{ topic: TOPICS.tick_topic, partitions: [{ partition: 0, offset, metadata }] }];
    },
  };

  const reader: Pick<PartitionReader, "ends" | "fetch"> = {
    async ends(topic) {
      await called();
      if (topic === TOPICS.tick_topic) {
        return { earliest: 0n, last_stable: BigInt(kafka.ticks.length) };
      }
      // What is not decided yet is behind the last stable offset.
      const undecided = kafka.candles.find(({ transaction }) => transaction === kafka.open);
      return { earliest: 0n, last_stable: undecided?.offset ?? kafka.candle_end };
    },
    async fetch(_topic, _partition, from) {
      await called();
      const records = committedRecords(kafka.candles)
        .filter(({ offset }) => offset >= from)
        .map(({ offset, value, headers }) => ({ offset: String(offset), value, headers }));
      return {
        records: records as never,
        next_offset: kafka.candle_end,
        last_stable_offset: kafka.candle_end,
      };
    },
  };
  return {
    kafka: { producer } as unknown as Kafka,
    admin: admin as unknown as Admin,
    reader: reader as PartitionReader,
  };
}
