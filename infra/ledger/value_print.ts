/** Prints of values: by them a dead letter is held against the record that it names. Pure. */
import { DEAD_LETTER_HEAD_BYTES } from "../../contract/dead_letter.ts";
import { murmur2 } from "../../contract/partition.ts";

/** Records that a stage has refused: the print of the value in the letter, by the record's offset. */
export type Refused = Map<number, number>;

/** Of an offset whose letters do not agree with each other; no value has this print. */
export const NO_PRINT: number = NaN;

/**
 * The print of a value: of its length, and of as much as a dead letter keeps at least.
 *
 * @param value The value, or the head that a letter has kept of it.
 * @param length_bytes Of the whole value.
 * @returns A whole number.
 */
export function valuePrint(value: Uint8Array | null, length_bytes: number): number {
  if (value === null) return -1;
  const head = murmur2(value.subarray(0, DEAD_LETTER_HEAD_BYTES)) >>> 0;
  return head + length_bytes * 2 ** 32;
}
