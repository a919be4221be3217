import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import { partitionOf } from "../../../contract/partition.ts";
import type { PartitionReader, ReadRecord } from "../../../runtime/kafka_reader.ts";
import { findTraces, resumePoint } from "./replay_resume.ts";
import type { RowBlock } from "./replay_rows.ts";
import { identifyFile, replaySource, roundOf, runName } from "./replay_run.ts";
import { skipSent } from "./replay_skip.ts";

Deno.test("a file that is not in begins at its first line", () => {
  deepStrictEqual(resumePoint([null, null], false), {
    round: 1,
    lines: [0, 0],
    is_complete: false,
  });
  deepStrictEqual(resumePoint([null, null], true), { round: 1, lines: [0, 0], is_complete: false });
});

Deno.test("each partition goes on after its own last line", () => {
  const traces = [{ round: 1, line: 7 }, null, { round: 1, line: 9 }];
  deepStrictEqual(resumePoint(traces, false).lines, [7, 0, 9]);
});

Deno.test("a killed second replay goes on, and does not begin a third", () => {
  const traces = [{ round: 2, line: 7 }, { round: 1, line: null }];
  deepStrictEqual(resumePoint(traces, true), { round: 2, lines: [7, 0], is_complete: false });
});

Deno.test("a complete file is left alone, or begun again as the next round", () => {
  const traces = [{ round: 2, line: null }, { round: 2, line: null }];
  strictEqual(resumePoint(traces, false).is_complete, true);
  deepStrictEqual(resumePoint(traces, true), { round: 3, lines: [0, 0], is_complete: false });
});

Deno.test("an end marker that is not in every partition is sent again, and nothing else", () => {
  for (const other of [{ round: 1, line: 7 }, null]) {
    deepStrictEqual(resumePoint([{ round: 1, line: null }, other], true), {
      round: 1,
      lines: [Infinity, Infinity],
      is_complete: false,
    });
  }
  const { block, newest_skipped } = skipSent(
    blockOf([[2, "A", 5], [3, "B", 6]]),
    "s",
    [Infinity, Infinity],
    10_000,
  );
  deepStrictEqual([block.lines, block.malformed, newest_skipped], [[], [], 6]);
});

/** A topic with these records in each partition; it counts what is read of it. */
function topicOf(partitions: ({ run: string; line?: number } | null)[][]): {
  reader: PartitionReader;
  fetched: () => number;
} {
  let fetched = 0;
  const reader: PartitionReader = {
    partitions: () => Promise.resolve(partitions.length),
    ends: (_topic, partition) =>
      Promise.resolve({ earliest: 0n, last_stable: BigInt(partitions[partition]!.length) }),
    fetch(_topic, partition, offset) {
      const all = partitions[partition]!;
      const records = all.slice(Number(offset), Number(offset) + 500).map((entry, at) => ({
        offset: String(Number(offset) + at),
        headers: entry === null ? {} : {
          "tapeline-run": entry.run,
          ...(entry.line === undefined ? {} : { "tapeline-line": String(entry.line) }),
        },
      } as unknown as ReadRecord));
      fetched += records.length;
      return Promise.resolve({
        records,
        next_offset: offset + BigInt(records.length),
        last_stable_offset: BigInt(all.length),
      });
    },
    close: () => Promise.resolve(),
  };
  return { reader, fetched: () => fetched };
}

const others = (count: number): null[] => Array<null>(count).fill(null);

Deno.test("the latest trace is found from the end, without reading everything", async () => {
  const { reader, fetched } = topicOf([
    [...others(50_000), { run: "f~1", line: 5 }, { run: "f~1", line: 8 }, ...others(3_000)],
    [{ run: "g~1", line: 3 }, ...others(10)],
  ]);
  const traces = await findTraces(reader, "ticks", 2, "f", 20_000);
  deepStrictEqual(traces, [{ round: 1, line: 8 }, null]);
  strictEqual(fetched() < 10_000, true);
});

Deno.test("the search is bounded, but not where another partition holds the file", async () => {
  const old = [{ run: "f~1", line: 5 }, ...others(30_000)];
  deepStrictEqual(await findTraces(topicOf([old, []]).reader, "ticks", 2, "f", 5_000), [
    null,
    null,
  ]);
  deepStrictEqual(
    await findTraces(topicOf([old, [{ run: "f~1", line: 6 }]]).reader, "ticks", 2, "f", 5_000),
    [{ round: 1, line: 5 }, { round: 1, line: 6 }],
  );
});

Deno.test("an end marker is a trace without a line", async () => {
  const { reader } = topicOf([[{ run: "f~1", line: 5 }, { run: "f~1" }]]);
  deepStrictEqual(await findTraces(reader, "ticks", 1, "f", 5_000), [{ round: 1, line: null }]);
});

function blockOf(rows: [line: number, symbol: string, timestamp?: number][]): RowBlock {
  return {
    inputs: rows.map(([, symbol, timestamp = 1]) => ({ symbol, timestamp, price: 1, volume: 1 })),
    lines: rows.map(([line]) => line),
    texts: rows.map(([line]) => `text ${line}`),
    malformed: [3, 12].map((line) => ({
      source: "s",
      line,
      bytes: new Uint8Array(),
      fault: { reason: "line_malformed", message: "" },
    })),
    unterminated_line: null,
    last_line: 20,
    position: 100,
  };
}

Deno.test("what its partition holds is left out, and what was refused before that", () => {
  const symbols = ["AAPL", "GOOGL", "AMZN", "TSLA", "MSFT", "IBM"];
  const lines = [10, 4, 0];
  const rows = Array.from(
    { length: 20 },
    (_, at) => [at + 1, symbols[at % 6]!] as [number, string],
  );
  const { block } = skipSent(blockOf(rows), "s", lines, 1);
  deepStrictEqual(
    block.lines,
    rows.filter(([line, symbol]) => line > lines[partitionOf(symbol, 3)]!).map(([line]) => line),
  );
  deepStrictEqual(block.texts, block.lines.map((line) => `text ${line}`));
  deepStrictEqual(block.malformed.map(({ line }) => line), [12]);
});

Deno.test("the newest event time counts skipped rows, save those that were refused", () => {
  const rows: [number, string, number][] = [[1, "A", 5], [2, "A", 9], [4, "A", 10 ** 12], [
    5,
    "",
    11,
  ]];
  const { newest_skipped, block } = skipSent(blockOf(rows), "s", [8, 8, 8], 10_000);
  strictEqual(newest_skipped, 9);
  deepStrictEqual(block.lines, []);
});

Deno.test("a run is the same for the same file, and another when it has changed", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "a");
    const first = await identifyFile(path);
    strictEqual((await identifyFile(path)).identity, first.identity);
    await Deno.writeTextFile(path, "b");
    await Deno.utime(path, new Date(1e12), new Date(1e12));
    const second = await identifyFile(path);
    notStrictEqual(second.identity, first.identity);
    await Deno.utime(path, new Date(2e12), new Date(2e12));
    notStrictEqual((await identifyFile(path)).identity, second.identity);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a run tells its round, and only to its own file", () => {
  strictEqual(roundOf("f", runName("f", 12)), 12);
  for (const run of ["g~1", "f~", "f~0", "f~x", "f", "ff~1", ""]) {
    strictEqual(roundOf("f", run), null);
  }
});

Deno.test("a replay's source can be carried by a tick", () => {
  strictEqual(replaySource("/data/ticks.csv.gz", 1), "replay/ticks.csv.gz");
  strictEqual(replaySource("/data/ticks.csv.gz", 3), "replay/ticks.csv.gz~3");
  strictEqual(replaySource("a|b\u0000c.csv", 1), "replay/a_b_c.csv");
  strictEqual(replaySource("x".repeat(300), 2).length, 128);
  strictEqual(replaySource("x".repeat(300), 2).endsWith("~2"), true);
});
