/** Dead letters as a table for people, or as lines of JSON for a machine. Pure. */
import { Buffer } from "node:buffer";
import type { DeadLetter } from "../../runtime/dead_letters.ts";
import { printable } from "../printable.ts";
import type { NewestLetters } from "./letters.ts";

const MESSAGE_WIDTH = 60;
const VALUE_WIDTH = 48;
const TITLES = ["offset", "time (UTC)", "stage", "reason", "came from", "message", "value"];

/** Where a letter came from: topic/partition/offset, or source:line. */
export function whereText({ origin }: DeadLetter): string {
  if (origin === null) return "?";
  return "topic" in origin
    ? `${origin.topic}/${origin.partition}/${origin.offset}`
    : `${origin.source}:${origin.line}`;
}

/**
 * Letters as a table, with a closing line.
 *
 * @param newest The letters to show, and how many there are.
 */
export function letterTable({ letters, total }: NewestLetters): string {
  if (total === 0) return "There are no such dead letters";
  const rows = letters.map((letter) =>
    [
      letter.offset,
      timeText(letter.timestamp_ms),
      letter.stage,
      letter.reason,
      whereText(letter),
      cut(letter.message, MESSAGE_WIDTH),
      cut(valueText(letter.value), VALUE_WIDTH),
    ].map(printable)
  );
  const widths = TITLES.map((title, index) =>
    // Not Math.max(...lengths): a hundred thousand arguments overflow the stack.
    rows.reduce((width, row) => Math.max(width, row[index]!.length), title.length)
  );
  const lines = [TITLES, ...rows].map((row) =>
    row.map((cell, index) => cell.padEnd(widths[index]!)).join("  ").trimEnd()
  );
  const shown = letters.length < total ? `, the newest ${letters.length} of them shown` : "";
  return [...lines, "", `${total} dead letter${total === 1 ? "" : "s"}${shown}`].join("\n");
}

/** A letter as one line of JSON; the value is there whole, in base64. */
export function letterJson(letter: DeadLetter): string {
  const { offset, timestamp_ms, stage, reason, message, origin, cut_from_bytes } = letter;
  return JSON.stringify({
    offset,
    timestamp_ms,
    stage,
    reason,
    message,
    origin,
    key: letter.key === null ? null : valueText(letter.key),
    value: letter.value === null ? null : valueText(letter.value),
    value_base64: letter.value === null ? null : Buffer.from(letter.value).toString("base64"),
    cut_from_bytes,
  });
}

function timeText(timestamp_ms: number): string {
  return Math.abs(timestamp_ms) <= 8.64e15
    ? new Date(timestamp_ms).toISOString().slice(0, 19).replace("T", " ")
    : String(timestamp_ms);
}

function valueText(value: Uint8Array | null): string {
  return value === null ? "(no value)" : new TextDecoder().decode(value);
}

function cut(text: string, width: number): string {
  return text.length > width ? text.slice(0, width - 1) + "…" : text;
}
