import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { KafkaMessage } from "kafkajs";
import { createRowWriter, type EncodedRows, splitRows } from "./copy_rows.ts";

const decoder = new TextDecoder();

function rowsOf(lines: readonly string[], rows_expected = lines.length): EncodedRows {
  const writer = createRowWriter(rows_expected);
  lines.forEach((line, at) => writer.add(line, { offset: String(at) } as KafkaMessage));
  return writer.rows();
}

function textOf({ bytes }: EncodedRows): string {
  return decoder.decode(bytes);
}

Deno.test("rows are the bytes of their lines, however many and long they are", () => {
  strictEqual(textOf(rowsOf([])), "");
  const lines = Array.from({ length: 1_000 }, (_, at) => `${at}\tÄ€😀${"x".repeat(at)}\n`);
  for (const rows_expected of [0, 1, 1_000, 100_000]) {
    const rows = rowsOf(lines, rows_expected);
    strictEqual(textOf(rows), lines.join(""));
    strictEqual(rows.records.length, 1_000);
  }
});

Deno.test("parted rows keep their lines and records together", () => {
  const lines = ["a\\n\n", "é\n", "\n", "ccc\n"];
  for (let count = 0; count <= lines.length; count++) {
    const parts = splitRows(rowsOf(lines), count);
    deepStrictEqual(parts.map(textOf), [
      lines.slice(0, count).join(""),
      lines.slice(count).join(""),
    ]);
    deepStrictEqual(
      parts.map(({ records }) => records.map(({ offset }) => Number(offset))),
      [[0, 1, 2, 3].slice(0, count), [0, 1, 2, 3].slice(count)],
    );
  }
});
