import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { lineText, readLines } from "./file_lines.ts";

/** What readLines makes of a file: a line a string, what is no line as an object. */
async function linesOf(content: Uint8Array | string, bytes_max?: number): Promise<unknown[]> {
  const path = await Deno.makeTempFile();
  try {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(path, bytes);
    const found: unknown[] = [];
    for await (const part of readLines(path, bytes_max)) {
      if (part.kind !== "lines") found.push(part);
      else {
        for (const [at, line] of part.lines.entries()) {
          strictEqual(part.first_line + at, lineCount(found) + 1);
          found.push(line);
        }
      }
    }
    return found;
  } finally {
    await Deno.remove(path);
  }
}

const lineCount = (found: unknown[]): number => found.length;

Deno.test("lines end with LF or CRLF, the last one with nothing", async () => {
  deepStrictEqual(await linesOf("a\r\nb\n\nc"), ["a", "b", "", "c"]);
  deepStrictEqual(await linesOf("a\n"), ["a"]);
  deepStrictEqual(await linesOf(""), []);
});

Deno.test("a byte order mark is left out", async () => {
  deepStrictEqual(await linesOf("\ufeffa\nb\n"), ["a", "b"]);
});

Deno.test("lines over the ends of pieces stay whole, in plain and in gzip", async () => {
  const lines = Array.from({ length: 3_000 }, (_, at) => `${at}:` + "x".repeat(at % 97));
  const content = lines.join("\n") + "\n";
  deepStrictEqual(await linesOf(content), lines);
  deepStrictEqual(await linesOf(gzipSync(content)), lines);
});

Deno.test("two gzips one after the other are one file", async () => {
  const both = new Uint8Array([...gzipSync("a\nb"), ...gzipSync("c\nd\n")]);
  deepStrictEqual(await linesOf(both), ["a", "bc", "d"]);
});

Deno.test("a line too long keeps head, length and hash, and the next ones go on", async () => {
  const long = "y".repeat(100_000);
  const sha256 = createHash("sha256").update(long).digest("hex");
  for (const content of [`a\n${long}\nb\n`, `a\n${long}`]) {
    const [before, found, after] = await linesOf(content, 1_000);
    strictEqual(before, "a");
    const { head, ...rest } = found as { head: Uint8Array };
    deepStrictEqual(rest, { kind: "long", line: 2, length: 100_000, sha256 });
    strictEqual(new TextDecoder().decode(head), long.slice(0, 16_384));
    strictEqual(after, content.endsWith("b\n") ? "b" : undefined);
  }
});

Deno.test("a long line within one piece is told apart too", async () => {
  const found = await linesOf(`a\n${"z".repeat(50)}\nb\nc\n`, 10);
  deepStrictEqual(found.map((part) => typeof part === "string" ? part : "long"), [
    "a",
    "long",
    "b",
    "c",
  ]);
});

Deno.test("cut gzip gives what came before, and the part of a line that is left", async () => {
  const whole = gzipSync(Array.from({ length: 20_000 }, (_, at) => `line ${at}`).join("\n"));
  const found = await linesOf(whole.subarray(0, whole.length - 4_000));
  const cut = found.pop() as { kind: string; line: number; text: string };
  ok(found.length > 1_000);
  deepStrictEqual(found, found.map((_, at) => `line ${at}`));
  deepStrictEqual([cut.kind, cut.line], ["cut", found.length + 1]);
});

Deno.test("damaged gzip is told from a whole one", async () => {
  const damaged = gzipSync("a\nb\nc\n");
  damaged[damaged.length - 6]! ^= 0xff;
  const found = await linesOf(damaged);
  strictEqual((found.at(-1) as { kind: string }).kind, "cut");
});

Deno.test("text is UTF-8 or none", () => {
  strictEqual(lineText("plain"), "plain");
  strictEqual(lineText("\u00c3\u00a9"), "é");
  strictEqual(lineText("\u00ff"), null);
});
