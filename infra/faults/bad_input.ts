/** Bad input for fault tests: records that are no ticks, straight into the tick topic; their letters. */
import { CompressionTypes, type Message, type Producer } from "kafkajs";
import { type DeadLetter, readDeadLetter } from "../../runtime/dead_letters.ts";
import { createKafka } from "../../runtime/kafka.ts";
import { readRange } from "../../runtime/kafka_reader.ts";
import { createLogger } from "../../runtime/log.ts";
import { eventually } from "../testing/test_service.ts";
import type { TickStage } from "../ledger/tick_book.ts";
import type { Platform } from "./platform.ts";

/** A place in the tick topic. */
export interface Place {
  partition: number;
  offset: bigint;
}

/** Who sends bad input: another producer than ours, past the proxies. */
export interface BadInput extends AsyncDisposable {
  /**
   * Sends a record, in a batch of its own.
   *
   * @returns Where it lies.
   */
  send(partition: number, record: Pick<Message, "key" | "value" | "headers">): Promise<Place>;
}

/** Connects a sender of bad input. */
export async function openBadInput({ servers, config }: Platform): Promise<BadInput> {
  const producer: Producer = createKafka({
    bootstrap_servers: [servers.kafka.bootstrap],
    client_id: "bad-input",
    log: createLogger("bad-input", "error", () => {}),
  }).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  return {
    async send(partition, record) {
      const [written] = await producer.send({
        topic: config.tick_topic,
        acks: -1,
        // What is larger than the topic's limit comes in compressed.
        compression: CompressionTypes.GZIP,
        messages: [{ ...record, partition }],
      });
      return { partition, offset: BigInt(written!.baseOffset!) };
    },
    [Symbol.asyncDispose]: () => producer.disconnect(),
  };
}

const LETTERS_DEADLINE_MS = 60_000;

/** Names a stage's letter. */
export function letterName(stage: TickStage, { partition, offset }: Place): string {
  return `${stage} ${partition}/${offset}`;
}

/**
 * Waits until each stage has written a letter of each place.
 *
 * @returns The letters by `letterName`: the newest of each.
 */
export async function lettersOf(
  platform: Platform,
  stages: readonly TickStage[],
  places: readonly Place[],
): Promise<Map<string, DeadLetter>> {
  const { connections: { reader }, config: { dead_letter_topic: topic } } = platform;
  const letters = new Map<string, DeadLetter>();
  const wanted = stages.flatMap((stage) => places.map((place) => letterName(stage, place)));
  let from = (await reader.ends(topic, 0)).earliest;
  await eventually(
    async () => {
      const { last_stable } = await reader.ends(topic, 0);
      for await (const records of readRange(reader, topic, 0, from, last_stable)) {
        for (const record of records) {
          const letter = readDeadLetter(record);
          const { origin } = letter;
          if (origin === null || !("topic" in origin)) continue;
          const { partition, offset } = origin;
          const name = letterName(letter.stage as TickStage, { partition, offset: BigInt(offset) });
          letters.set(name, letter);
        }
      }
      from = last_stable;
      return wanted.every((name) => letters.has(name));
    },
    `${wanted.length} letters`,
    LETTERS_DEADLINE_MS,
  );
  return letters;
}
