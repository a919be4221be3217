/**
 * A model of Kafka for tests, in place of the client: a tick log, the transactions of one partition,
 * a group's offset, fencing by epoch, compaction. Whoever uses it is the real code of a takeover and
 * a flush. A crash is set for a chosen change of what Kafka holds. Deterministic: no clock, no I/O.
 */
import { Buffer } from "node:buffer";
import type { Admin, Kafka, Message, Producer } from "kafkajs";
import type { KafkaRecord } from "../../runtime/kafka_record.ts";
import type { Fencer } from "../../runtime/kafka_fence.ts";
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
  /** By the next marker of its topic, whichever transaction that belongs to: there is one producer. */
  fate: "undecided" | "committed" | "aborted";
  key: string;
  value: Message["value"];
  headers: { [name: string]: string | Buffer };
}

/** Where a transaction may write; each has markers of its own. */
export const PLACES = ["candles", "letters", "offsets"] as const;
export type Place = (typeof PLACES)[number];

interface Offsets {
  next_offset: string;
  metadata: string;
}

/** What Kafka holds. */
export interface SimulatedKafka {
  ticks: readonly KafkaRecord[];
  candles: OutputRecord[];
  letters: OutputRecord[];
  /** Offsets of the candle topic: transaction markers take one each. */
  candle_end: bigint;
  committed: Offsets | null;
  /** The group's offset that the next marker decides over; null for none. */
  pending: Offsets | null;
  epoch: number;
  /** What the open transaction has written to; null where none is open. */
  open: Set<Place> | null;
  /** Transactions that were committed so far. */
  commits: number;
  /** Where the markers of the transaction with this number are lost; null: nowhere. */
  loss: { commit: number; places: readonly Place[]; kills: boolean } | null;
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
    pending: null,
    epoch: 0,
    open: null,
    commits: 0,
    loss: null,
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
  // Only what is undecided can change any more.
  const copied = (record: OutputRecord): OutputRecord =>
    record.fate === "undecided" ? { ...record } : record;
  const records = { candles: kafka.candles.map(copied), letters: kafka.letters.map(copied) };
  const open = kafka.open && new Set(kafka.open);
  return { ...kafka, ...records, open, history: null };
}

/** The records that a reader of committed records gets. */
export function committedRecords(records: readonly OutputRecord[]): OutputRecord[] {
  return records.filter(({ fate }) => fate === "committed");
}

/** Removes each committed record of the candle topic that a newer one of its key stands for. */
export function compact(kafka: SimulatedKafka): void {
  const newest = new Map(committedRecords(kafka.candles).map((record) => [record.key, record]));
  kafka.candles = kafka.candles.filter((record) =>
    record.fate !== "committed" || newest.get(record.key) === record
  );
}

/** Writes a marker: it decides over all that the producer has left undecided there. */
function mark(kafka: SimulatedKafka, place: Place, fate: "committed" | "aborted"): void {
  if (place === "candles") kafka.candle_end++;
  if (place === "offsets") {
    if (fate === "committed" && kafka.pending !== null) kafka.committed = kafka.pending;
    kafka.pending = null;
    return;
  }
  for (const record of kafka[place]) if (record.fate === "undecided") record.fate = fate;
}

/** Ends the open transaction. The coordinator calls it ended, whatever becomes of its markers. */
function end(kafka: SimulatedKafka, fate: "committed" | "aborted"): void {
  const { open } = kafka;
  if (open === null) return;
  if (fate === "committed") kafka.commits++;
  const lost = fate === "committed" && kafka.loss?.commit === kafka.commits
    ? kafka.loss.places
    : [];
  for (const place of open) if (!lost.includes(place)) mark(kafka, place, fate);
  kafka.open = null;
}

function firstUndecided(records: readonly OutputRecord[]): bigint {
  const at = records.findIndex(({ fate }) => fate === "undecided");
  return BigInt(at === -1 ? records.length : at);
}

/** Turns of the event loop's queue in which a process makes all the calls of a flush. */
const THAW_TURNS = 60;

function placeOf(topic: string): "candles" | "letters" {
  return topic === TOPICS.candle_topic ? "candles" : "letters";
}

/** A client of it, with the parts that a takeover and a flush use. */
export function clientOf(
  kafka: SimulatedKafka,
): { kafka: Kafka; admin: Admin; reader: PartitionReader; fencer: Fencer } {
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
    // In the same turn as what it allows: a broker does not let a fence come in between.
    const mayWrite = (): void => {
      if (epoch !== kafka.epoch) throw new Error("The producer is fenced");
    };
    const transaction = {
      async sendBatch(sent: { topicMessages: { topic: string; messages: Message[] }[] }) {
        await called();
        mayWrite();
        kafka.open ??= new Set();
        const baseOffset = String(kafka.candle_end);
        for (const { topic, messages } of sent.topicMessages) append(topic, messages);
        await changed("records were sent");
        return [{ baseOffset }];
      },
      async sendOffsets(sent: {
        topics: { partitions: { offset: string; metadata: string }[] }[];
      }) {
        await called();
        mayWrite();
        const { offset, metadata } = sent.topics[0]!.partitions[0]!;
        kafka.open ??= new Set();
        kafka.open.add("offsets");
        kafka.pending = { next_offset: offset, metadata };
        await changed("offsets were sent");
      },
      async commit() {
        await called();
        mayWrite();
        end(kafka, "committed");
        if (kafka.loss?.kills && kafka.loss.commit === kafka.commits) {
          kafka.fault = { kind: "dies", after_changes: kafka.changes + 1 };
        }
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
    const place = placeOf(topic);
    kafka.open!.add(place);
    const into = kafka[place];
    for (const { key, value, headers } of messages) {
      const offset = topic === TOPICS.candle_topic ? kafka.candle_end++ : 0n;
      const kept = (headers ?? {}) as OutputRecord["headers"];
      into.push({ offset, fate: "undecided", key: String(key), value, headers: kept });
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

  const fencer: Fencer = {
    async fence({ aborted, committed }, given_up) {
      given_up.throwIfAborted();
      await called();
      end(kafka, "aborted");
      const epoch = ++kafka.epoch;
      const mayGoOn = (): void => {
        if (epoch !== kafka.epoch) throw new Error("The producer is fenced");
      };
      await changed("a fence was put up");
      mayGoOn();
      for (const { topic } of aborted) mark(kafka, placeOf(topic), "aborted");
      await changed("what was open was given up");
      mayGoOn();
      for (const { topic } of committed) mark(kafka, placeOf(topic), "committed");
      await changed("letters were let through");
    },
    close: () => Promise.resolve(),
  };

  const reader: Pick<PartitionReader, "partitions" | "ends" | "end" | "fetch"> = {
    partitions: () => Promise.resolve(1),
    async ends(topic) {
      await called();
      if (topic === TOPICS.tick_topic) {
        return { earliest: 0n, last_stable: BigInt(kafka.ticks.length) };
      }
      if (topic === TOPICS.dead_letter_topic) {
        return { earliest: 0n, last_stable: firstUndecided(kafka.letters) };
      }
      // What is not decided yet is behind the last stable offset.
      const undecided = kafka.candles.find(({ fate }) => fate === "undecided");
      return { earliest: 0n, last_stable: undecided?.offset ?? kafka.candle_end };
    },
    async end(topic) {
      await called();
      return topic === TOPICS.candle_topic ? kafka.candle_end : BigInt(kafka.letters.length);
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
    fencer,
  };
}
