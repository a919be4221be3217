/**
 * Splits a file into its physical lines. Lines are handed on as Latin-1 text, in which each
 * character is one byte: it is fast, and a broken line's bytes can be given back as they were.
 */
import { Buffer } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import { DEAD_LETTER_HEAD_BYTES } from "../../../contract/dead_letter.ts";
import { INPUT_BYTES_MAX } from "../refused_input.ts";
import { FileCut, readPieces } from "./file_bytes.ts";

/** Lines that follow each other, without their line ends. */
export interface LineBlock {
  kind: "lines";
  /** Number of the first of them, from 1. */
  first_line: number;
  lines: string[];
  /** Bytes of the file read so far. */
  position: number;
  /** The last line of the file, which has no line end: it may be whole or cut. */
  unterminated?: true;
}

/** A line too long to keep. */
export interface LongLine {
  kind: "long";
  line: number;
  head: Uint8Array;
  length: number;
  sha256: string;
}

/** The file breaks off in this line: what is here of it must not be taken for the whole. */
export interface CutLine {
  kind: "cut";
  line: number;
  text: string;
  message: string;
}

/** The bytes of a line that was handed on as Latin-1. */
export function lineBytes(line: string): Uint8Array {
  return Buffer.from(line, "latin1");
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** The text of a line that was handed on as Latin-1; null where it is not UTF-8. */
export function lineText(line: string): string | null {
  for (let at = 0; at < line.length; at++) {
    if (line.charCodeAt(at) < 128) continue;
    try {
      return strictUtf8.decode(lineBytes(line));
    } catch {
      return null;
    }
  }
  return line;
}

/**
 * Reads a file's lines. A byte order mark is left out; CRLF ends a line as LF does.
 *
 * @param path The file: plain or gzip.
 * @param bytes_max Longest line that is kept.
 */
export async function* readLines(
  path: string,
  bytes_max = INPUT_BYTES_MAX,
): AsyncGenerator<LineBlock | LongLine | CutLine> {
  let line = 1;
  let rest = "";
  let long: { head: Uint8Array; length: number; hash: Hash } | null = null;
  let position = 0;
  let is_first = true;

  function longLine(): LongLine {
    const { head, length, hash } = long!;
    long = null;
    return { kind: "long", line: line++, head, length, sha256: hash.digest("hex") };
  }

  try {
    for await (const piece of readPieces(path)) {
      position = piece.position;
      let { bytes } = piece;
      if (is_first && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
        bytes = bytes.subarray(3);
      }
      is_first = false;
      if (long !== null) {
        const end = bytes.indexOf(10);
        const part = end < 0 ? bytes : bytes.subarray(0, end);
        long.length += part.length;
        long.hash.update(part);
        if (end < 0) continue;
        yield longLine();
        bytes = bytes.subarray(end + 1);
      }
      const lines = (rest + bytes.toString("latin1")).split("\n");
      rest = lines.pop()!;
      yield* parts(lines);
      if (rest.length > bytes_max) {
        const head = Buffer.from(rest, "latin1");
        long = {
          head: head.subarray(0, DEAD_LETTER_HEAD_BYTES),
          length: head.length,
          hash: createHash("sha256").update(head),
        };
        rest = "";
      }
    }
  } catch (error) {
    if (!(error instanceof FileCut)) throw error;
    if (long !== null) yield longLine();
    else yield { kind: "cut", line, text: rest, message: error.message };
    return;
  }
  if (long !== null) yield longLine();
  else if (rest !== "") {
    for (const part of parts([rest])) {
      yield part.kind === "lines" ? { ...part, unterminated: true } : part;
    }
  }

  /** Long lines that came in one piece are told apart here. */
  function* parts(lines: string[]): Generator<LineBlock | LongLine> {
    let from = 0;
    for (let at = 0; at < lines.length; at++) {
      const text = lines[at]!;
      if (text.length <= bytes_max) {
        if (text.endsWith("\r")) lines[at] = text.slice(0, -1);
        continue;
      }
      if (at > from) {
        yield { kind: "lines", first_line: line, lines: lines.slice(from, at), position };
        line += at - from;
      }
      const bytes = lineBytes(text);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const head = bytes.slice(0, DEAD_LETTER_HEAD_BYTES);
      yield { kind: "long", line: line++, head, length: bytes.length, sha256 };
      from = at + 1;
    }
    if (lines.length > from) {
      yield { kind: "lines", first_line: line, lines: lines.slice(from), position };
      line += lines.length - from;
    }
  }
}
