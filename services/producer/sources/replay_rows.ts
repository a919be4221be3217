/** Reads a replay's file: each line becomes an input for the door, or is refused by its number. */
import type { Fault } from "../../../contract/tick.ts";
import { type RefusedInput, refuseInput } from "../refused_input.ts";
import { formatOf, type RowFormat, splitFields } from "./csv_formats.ts";
import { type CutLine, type LineBlock, lineBytes, lineText, readLines } from "./file_lines.ts";

/** Some rows of a file. */
export interface RowBlock {
  /** What the door judges, and the line of each. */
  inputs: unknown[];
  lines: number[];
  /** The line of each input as Latin-1 text, for the dead letters. */
  texts: string[];
  /** Lines that are no rows. */
  malformed: RefusedInput[];
  /** The line that ends the file without a line end, if it is in this block. */
  unterminated_line: number | null;
  /** Number of the last line read. */
  last_line: number;
  /** Bytes of the file read so far. */
  position: number;
}

/** The file is of no format that can be replayed. */
export class FormatFault extends Error {
  override name = "FormatFault";
}

/** Rows are handed on so many at a time. */
const BLOCK_ROWS = 2_000;

/**
 * Reads a file's rows.
 *
 * @param path The file.
 * @param source What refused lines are said to come from.
 * @throws FormatFault that names line 1 where the file has no header that is known.
 */
export async function* readRows(path: string, source: string): AsyncGenerator<RowBlock> {
  let format: RowFormat | null = null;
  let read_bytes = 0;
  for await (const part of readLines(path)) {
    if (part.kind !== "lines") {
      if (format === null) {
        const why = part.kind === "cut" ? part.message : `the line has ${part.length} bytes`;
        throw new FormatFault(`line ${part.line}: there is no whole header: ${why}`);
      }
      const malformed = part.kind === "cut" ? cutLine(source, part) : [{
        source,
        line: part.line,
        bytes: part.head,
        whole: { length: part.length, sha256: part.sha256 },
        fault: {
          reason: "too_large" as const,
          message: `line ${part.line} has ${part.length} bytes`,
        },
      }];
      yield { ...emptyBlock(part.line, read_bytes), malformed };
      continue;
    }
    const { lines, first_line, position } = part;
    read_bytes = position;
    for (let from = 0; from < lines.length; from += BLOCK_ROWS) {
      const slice: LineBlock = {
        kind: "lines",
        first_line: first_line + from,
        lines: lines.slice(from, from + BLOCK_ROWS),
        position,
        ...(part.unterminated ? { unterminated: true } : {}),
      };
      if (format === null) {
        const header_at: number = slice.lines.findIndex((line) => line !== "");
        if (header_at < 0) continue;
        format = readHeader(slice.lines[header_at]!, slice.first_line + header_at);
        slice.lines.fill("", 0, header_at + 1);
      }
      yield rowBlock(format, source, slice);
    }
  }
  if (format === null) throw new FormatFault("line 1: the file is empty, it lacks even a header");
}

/**
 * Reads as much of a file as tells its format.
 *
 * @throws FormatFault where it has none that is known.
 */
export async function checkFormat(path: string): Promise<void> {
  for await (const _ of readRows(path, "")) return;
}

function readHeader(line: string, number: number): RowFormat {
  const text = lineText(line);
  const fields = text === null ? { fault: "it is not UTF-8" } : splitFields(text);
  const format = "fault" in fields ? fields : formatOf(fields);
  if ("fault" in format) throw new FormatFault(`line ${number}: ${format.fault}`);
  return format;
}

function emptyBlock(last_line: number, position: number): RowBlock {
  return {
    inputs: [],
    lines: [],
    texts: [],
    malformed: [],
    unterminated_line: null,
    last_line,
    position,
  };
}

function cutLine(source: string, { line, text, message }: CutLine): RefusedInput[] {
  return [refuseInput(source, line, lineBytes(text), {
    reason: "line_malformed",
    message: `the file breaks off in line ${line}: ${message}`,
  })];
}

/**
 * Refuses a line, with its number in the message.
 *
 * @param source Which source.
 * @param block The block that it is of.
 * @param line Its number.
 * @param text The line as Latin-1 text.
 * @param fault What is wrong with it.
 */
export function refuseLine(
  source: string,
  block: Pick<RowBlock, "unterminated_line">,
  line: number,
  text: string,
  fault: Fault,
): RefusedInput {
  const hint = block.unterminated_line === line
    ? "; the file ends here without a line end, so it may have been cut"
    : "";
  const message = `line ${line}: ${fault.message}${hint}`;
  return refuseInput(source, line, lineBytes(text), { ...fault, message });
}

function rowBlock(format: RowFormat, source: string, part: LineBlock): RowBlock {
  const block = emptyBlock(part.first_line + part.lines.length - 1, part.position);
  if (part.unterminated) block.unterminated_line = block.last_line;
  for (let at = 0; at < part.lines.length; at++) {
    const raw = part.lines[at]!;
    if (raw === "") continue;
    const line = part.first_line + at;
    const fields = fieldsOf(raw, format);
    if ("reason" in fields) {
      block.malformed.push(refuseLine(source, block, line, raw, fields));
      continue;
    }
    block.inputs.push(format.toInput(fields));
    block.lines.push(line);
    block.texts.push(raw);
  }
  return block;
}

function fieldsOf(raw: string, format: RowFormat): string[] | Fault {
  const text = lineText(raw);
  if (text === null) return { reason: "not_utf8", message: "it is not UTF-8" };
  const fields = splitFields(text);
  if ("fault" in fields) return { reason: "line_malformed", message: fields.fault };
  const message = fields.length === format.columns
    ? format.rowFault(fields)
    : `it has ${fields.length} fields and the header has ${format.columns}`;
  return message === null ? fields : { reason: "line_malformed", message };
}
