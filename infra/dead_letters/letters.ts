/** Reads the dead-letter topic, and picks letters from it. */
import type { KafkaOptions } from "../../runtime/kafka.ts";
import { readRange } from "../../runtime/kafka_reader.ts";
import { type DeadLetter, readDeadLetter } from "../../runtime/dead_letters.ts";
import { reachKafka } from "../reach_kafka.ts";

/** Which letters are meant: all that fit each filter which is set. */
export interface LetterFilter {
  stage?: string;
  reason?: string;
  /** Offset in the dead-letter topic, as a decimal string. */
  offset?: string;
}

/** Says whether a letter is meant. */
export function fits(filter: LetterFilter, letter: DeadLetter): boolean {
  return (filter.stage === undefined || letter.stage === filter.stage) &&
    (filter.reason === undefined || letter.reason === filter.reason) &&
    (filter.offset === undefined || letter.offset === filter.offset);
}

/** Where letters are, and which are meant. */
export interface LetterSource {
  kafka: KafkaOptions;
  dead_letter_topic: string;
  filter: LetterFilter;
}

/**
 * Reads the letters that are meant, oldest first, up to the topic's end as it is now.
 *
 * @param source Where, and which.
 * @throws Error where there is no such topic.
 */
export async function* readLetters(source: LetterSource): AsyncGenerator<DeadLetter> {
  const { kafka, dead_letter_topic, filter } = source;
  const reader = await reachKafka(kafka, dead_letter_topic);
  try {
    if (await reader.partitions(dead_letter_topic) === 0) {
      throw new Error(
        `Cannot read dead letters: there is no topic ${dead_letter_topic} at ` +
          `${kafka.bootstrap_servers.join(",")}. deno task start makes it`,
      );
    }
    // The topic has one partition, so an offset names a letter.
    const { earliest, last_stable } = await reader.ends(dead_letter_topic, 0);
    for await (
      const records of readRange(reader, dead_letter_topic, 0, earliest, last_stable)
    ) {
      for (const record of records) {
        const letter = readDeadLetter(record);
        if (fits(filter, letter)) yield letter;
      }
    }
  } finally {
    await reader.close();
  }
}

/** The newest letters, and how many there are. */
export interface NewestLetters {
  letters: DeadLetter[];
  total: number;
}

/**
 * Keeps the newest letters of a stream.
 *
 * @param letters Oldest first.
 * @param limit How many to keep.
 */
export async function newestLetters(
  letters: AsyncIterable<DeadLetter>,
  limit: number,
): Promise<NewestLetters> {
  let kept: DeadLetter[] = [];
  let total = 0;
  for await (const letter of letters) {
    total++;
    kept.push(letter);
    // Cut now and then: taking the first of a long array at each letter would move all others.
    if (kept.length >= 2 * limit) kept = kept.slice(-limit);
  }
  return { letters: kept.slice(-limit), total };
}
