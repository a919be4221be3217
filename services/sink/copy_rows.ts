/**
 * Rows on their way to COPY, as bytes: thousands of them wait for the database at a time, and as
 * strings they would be copied from generation to generation of the heap meanwhile.
 */
import { Buffer } from "node:buffer";
import type { KafkaMessage } from "kafkajs";

/** Rows, and the records that they were made from. */
export interface EncodedRows {
  /** A record for each row, in the order of their offsets. */
  records: readonly KafkaMessage[];
  /** COPY's text format in UTF-8: a line a row, each with its newline, none with another in it. */
  bytes: Uint8Array;
}

/** None. */
export const NO_ROWS: EncodedRows = { records: [], bytes: new Uint8Array(0) };

/** Takes rows one by one. */
export interface RowWriter {
  /**
   * @param line With its newline.
   * @param record What it was made from.
   */
  add(line: string, record: KafkaMessage): void;
  /** All that was taken. */
  rows(): EncodedRows;
}

/** So many lines are encoded at once: long enough to be worth a call, and garbage soon after. */
const LINES_AT_ONCE = 64;
/** Most rows of ticks are shorter. */
const LINE_BYTES = 160;
/** A UTF-16 code unit takes as many bytes in UTF-8 at most. */
const UNIT_BYTES_MAX = 3;
const NEWLINE = 10;

/**
 * Makes a writer.
 *
 * @param rows_expected How many rows will come, about.
 */
export function createRowWriter(rows_expected: number): RowWriter {
  const records: KafkaMessage[] = [];
  let bytes = Buffer.allocUnsafe(rows_expected * LINE_BYTES);
  let length = 0;
  let lines = "";
  let lines_held = 0;

  function encode(): void {
    const needed = length + lines.length * UNIT_BYTES_MAX;
    if (needed > bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * bytes.length));
      bytes.copy(larger, 0, 0, length);
      bytes = larger;
    }
    length += bytes.write(lines, length);
    lines = "";
    lines_held = 0;
  }

  return {
    add(line, record) {
      lines += line;
      records.push(record);
      if (++lines_held === LINES_AT_ONCE) encode();
    },
    rows() {
      encode();
      return { records, bytes: bytes.subarray(0, length) };
    },
  };
}

/**
 * Parts rows in two.
 *
 * @param count How many the first part gets.
 */
export function splitRows({ records, bytes }: EncodedRows, count: number): EncodedRows[] {
  let end = 0;
  for (let row = 0; row < count; row++) end = bytes.indexOf(NEWLINE, end) + 1;
  return [
    { records: records.slice(0, count), bytes: bytes.subarray(0, end) },
    { records: records.slice(count), bytes: bytes.subarray(end) },
  ];
}
