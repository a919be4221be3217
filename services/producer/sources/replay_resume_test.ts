import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import { partitionOf } from "../../../contract/partition.ts";
import type { PartitionReader, ReadRecord } from "../../../runtime/kafka_reader.ts";
import type { Load } from "../load.ts";
import { claimSource } from "./replay_claim.ts";
import { findTraces, type FoundTraces, resumePoint, type Trace } from "./replay_resume.ts";
import type { RowBlock } from "./replay_rows.ts";
import type { Door } from "./source.ts";
import { identifyFile, replaySource, roundOf, runName, sampleSource } from "./replay_run.ts";
import { skipSent } from "./replay_skip.ts";

const trace = (round: number, line: number | null): Trace => ({ round, line, source: `s${round}` });

Deno.test("a file that is not in begins at its first line", () => {
  for (const again of [false, true]) {
    deepStrictEqual(resumePoint([null, null], again), {
      round: 1,
      source: null,
      lines: [0, 0],
      is_complete: false,
    });
  }
});

Deno.test("each partition goes on after its own last line", () => {
  const traces = [trace(1, 7), null, trace(1, 9)];
  deepStrictEqual(resumePoint(traces, false).lines, [7, 0, 9]);
});

Deno.test("a killed second replay goes on under its source, and does not begin a third", () => {
  deepStrictEqual(resumePoint([trace(1, null), trace(2, 7)], true), {
    round: 2,
    source: "s2",
    lines: [0, 7],
    is_complete: false,
  });
});

Deno.test("a complete file is left alone, or begun again as the next round, of another source", () => {
  const traces = [trace(2, null), trace(2, null)];
  strictEqual(resumePoint(traces, false).is_complete, true);
  deepStrictEqual(resumePoint(traces, true), {
    round: 3,
    source: null,
    lines: [0, 0],
    is_complete: false,
  });
});

Deno.test("an end marker that is not in every partition is sent again, and nothing else", () => {
  for (const other of [trace(1, 7), null]) {
    deepStrictEqual(resumePoint([trace(1, null), other], true), {
      round: 1,
      source: "s1",
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

/** A record of a run; without a line it is its end marker, or its claim. */
interface FakeRecord {
  run: string;
  line?: number;
  claims?: true;
  source?: string;
}

/** A topic with these records in each partition; it counts what is read of it. */
function topicOf(partitions: (FakeRecord | null)[][]): {
  reader: PartitionReader;
  fetched: () => number;
} {
  let fetched = 0;
  const reader: PartitionReader = {
    partitions: () => Promise.resolve(partitions.length),
    ends: (_topic, partition) =>
      Promise.resolve({ earliest: 0n, last_stable: BigInt(partitions[partition]!.length) }),
    end: (_topic, partition) => Promise.resolve(BigInt(partitions[partition]!.length)),
    fetch(_topic, partition, offset) {
      const all = partitions[partition]!;
      const records = all.slice(Number(offset), Number(offset) + 500).map((entry, at) => ({
        offset: String(Number(offset) + at),
        value: new TextEncoder().encode(JSON.stringify({
          source: entry?.source ?? entry?.run.replace("~", "/"),
          ...(entry?.line === undefined && !entry?.claims ? { ended: true } : {}),
        })),
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

const find = (
  reader: PartitionReader,
  partitions: number,
  records_max: number,
  again = false,
): Promise<FoundTraces> =>
  findTraces(reader, "ticks", partitions, { identity: "f", records_max, again });
const found = (line: number | null): Trace => ({ round: 1, line, source: "f/1" });

Deno.test("the latest trace is found from the end, without reading everything", async () => {
  const { reader, fetched } = topicOf([
    [...others(50_000), { run: "f~1", line: 5 }, { run: "f~1", line: 8 }, ...others(3_000)],
    [{ run: "g~1", line: 3 }, ...others(10)],
  ]);
  const { traces, is_cut } = await find(reader, 2, 20_000);
  deepStrictEqual([traces, is_cut], [[found(8), null], false]);
  strictEqual(fetched() < 10_000, true);
});

Deno.test("the search is bounded, but not where another partition holds the file", async () => {
  const old = [{ run: "f~1", line: 5 }, ...others(30_000)];
  deepStrictEqual(await find(topicOf([old, []]).reader, 2, 5_000), {
    traces: [null, null],
    taken_sources: new Set(),
    is_cut: true,
    searched_to: [30_001n, 0n],
  });
  deepStrictEqual(await find(topicOf([old, [{ run: "f~1", line: 6 }]]).reader, 2, 5_000), {
    traces: [found(5), found(6)],
    taken_sources: new Set(["f/1"]),
    is_cut: false,
    searched_to: [30_001n, 1n],
  });
});

Deno.test("an end marker is a trace without a line", async () => {
  const { reader } = topicOf([[{ run: "f~1", line: 5 }, { run: "f~1" }]]);
  deepStrictEqual((await find(reader, 1, 5_000)).traces, [found(null)]);
});

Deno.test("a claim takes a source from others, and is no trace of its own run", async () => {
  const { reader } = topicOf([[{ run: "f~1", claims: true }, { run: "g~1", claims: true }]]);
  const { traces, taken_sources } = await find(reader, 1, 5_000);
  deepStrictEqual([traces, [...taken_sources]], [[null], ["g/1"]]);
});

/** Claims a source behind these records; the claims are written as they are said. */
async function claim(
  records: FakeRecord[],
  said: string[] = [],
  stopping = new AbortController().signal,
): Promise<string | null> {
  const door = {
    put(load: Load) {
      if (load.kind !== "marker" || stopping.aborted) return Promise.resolve(false);
      said.push(load.source);
      records.push({ run: load.run!, source: load.source, claims: true });
      load.confirmed!();
      return Promise.resolve(true);
    },
  } as Door;
  return await claimSource(topicOf([records]).reader, door, stopping, {
    topic: "ticks",
    path: "/x/f.csv",
    run: "me~1",
    taken_sources: new Set(["replay/f.csv"]),
    searched_to: 1n,
  });
}

Deno.test("of two that claim a source the first has it, the other takes the next", async () => {
  const old = { run: "me~1", source: "replay/f.csv~2", claims: true } as const;
  const said: string[] = [];
  strictEqual(await claim([old], said), "replay/f.csv~2");
  // Between the search and our claim another one's came, which has sent a tick of ~3 too.
  const other = { run: "other~1", source: "replay/f.csv~2", claims: true } as const;
  const tick = { run: "third~1", source: "replay/f.csv~3", line: 5 };
  strictEqual(await claim([old, other, tick], said), "replay/f.csv~4");
  deepStrictEqual(said, ["~2", "~2", "~3", "~4"].map((suffix) => `replay/f.csv${suffix}`));
});

Deno.test("a producer that stops claims nothing", async () => {
  strictEqual(await claim([], [], AbortSignal.abort()), null);
});

Deno.test("the sources of every run are found; for another round, past the file's own trace", async () => {
  const partitions = [
    [{ run: "g~1", line: 3 }, ...others(9_000), { run: "f~1" }],
    [{ run: "f~1" }, { run: "h~4" }],
  ];
  const sources = async (again: boolean, records_max: number): Promise<unknown[]> => {
    const { traces, taken_sources, is_cut } = await find(
      topicOf(partitions).reader,
      2,
      records_max,
      again,
    );
    deepStrictEqual(traces, [found(null), found(null)]);
    return [[...taken_sources].sort(), is_cut];
  };
  deepStrictEqual(await sources(false, 20_000), [["f/1", "h/4"], false]);
  deepStrictEqual(await sources(true, 20_000), [["f/1", "g/1", "h/4"], false]);
  deepStrictEqual(await sources(true, 5_000), [["f/1", "h/4"], true]);
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

Deno.test("a replay's source can be carried by a tick, and is nobody else's", () => {
  const source = (path: string, ...taken: string[]): string => replaySource(path, new Set(taken));
  strictEqual(source("/data/ticks.csv.gz"), "replay/ticks.csv.gz");
  strictEqual(source("/data/t.csv", "replay/t.csv"), "replay/t.csv~2");
  strictEqual(source("/data/t.csv", "replay/t.csv", "replay/t.csv~2"), "replay/t.csv~3");
  strictEqual(source("/data/t.csv", "replay/t.csv~2"), "replay/t.csv");
  strictEqual(source("a|b\u0000c.csv"), "replay/a_b_c.csv");
  const long = "x".repeat(300);
  strictEqual(source(long, source(long)).length, 128);
  strictEqual(source(long, source(long)).endsWith("x~2"), true);
});

Deno.test("a sample's source is never a replay's", () => {
  strictEqual(sampleSource("/data/t.csv"), "replay/t.csv~sample");
  strictEqual(replaySource("/data/t.csv~sample", new Set()), "replay/t.csv_sample");
});
