/**
 * Which partition a key belongs to: Kafka's own default for keyed records, murmur2 of the key's
 * bytes (org.apache.kafka.common.utils.Utils.murmur2), so that Java and Python clients agree.
 */

const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;
const encoder = new TextEncoder();

/**
 * Murmur2 of some bytes, as Kafka has it.
 *
 * @param bytes The key.
 * @returns A signed 32-bit whole number.
 */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  let hash = SEED ^ length;
  const whole = length - (length % 4);
  for (let at = 0; at < whole; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    word = Math.imul(word, MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ word;
  }
  const rest = length - whole;
  if (rest >= 3) hash ^= bytes[whole + 2]! << 16;
  if (rest >= 2) hash ^= bytes[whole + 1]! << 8;
  if (rest >= 1) {
    hash ^= bytes[whole]!;
    hash = Math.imul(hash, MULTIPLIER);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/**
 * The partition of a symbol's ticks.
 *
 * @param symbol The record's key.
 * @param partitions How many the topic has.
 */
export function partitionOf(symbol: string, partitions: number): number {
  return (murmur2(encoder.encode(symbol)) & 0x7fffffff) % partitions;
}
