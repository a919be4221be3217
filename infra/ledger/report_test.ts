import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { LedgerReport, LedgerRow } from "./judge.ts";
import { formatReport } from "./report.ts";

const MINUTE = 1_381_152_660_000;
const none = { count: 0, checksum: 0 };
const tally = (count: number) => ({ count, checksum: count });

function rowOf(partition: number, minute: number, over: Partial<LedgerRow> = {}): LedgerRow {
  return {
    partition,
    minute,
    accepted: tally(1_200),
    confirmed: tally(1_200),
    unconfirmed: none,
    foreign: none,
    in_kafka: tally(1_200),
    invalid: 0,
    for_one_stage: 0,
    processed: tally(1_199),
    aggregator_letters: 1,
    stored: tally(1_200),
    sink_letters: 0,
    verdict: "balanced",
    differences: [],
    ...over,
  };
}

function reportOf(rows: LedgerRow[], over: Partial<LedgerReport> = {}): LedgerReport {
  const differences = rows.flatMap((row) => row.differences);
  return {
    verdict: differences.length > 0 ? "differs" : "balances",
    rows,
    differences,
    doubled: [],
    refused_at_doors: {},
    positions: [],
    ...over,
  };
}

const cells = (line: string) => line.split(/ {2,}/);

Deno.test("minutes that balance are folded into their partition's sum, or shown by --all", () => {
  const report = reportOf([rowOf(0, MINUTE), rowOf(0, MINUTE + 60_000), rowOf(1, MINUTE)]);
  const folded = formatReport(report).split("\n");
  deepStrictEqual(cells(folded[0]!).slice(0, 3), ["partition", "minute (UTC)", "accepted"]);
  const sums = ["2,400", "0", "0", "2,400", "2,398", "2", "2,400", "0", "2 balanced"];
  deepStrictEqual(cells(folded[1]!), ["0", "2 minutes", ...sums]);
  deepStrictEqual(cells(folded[3]!).slice(0, 3), ["all", "2 minutes", "3,600"]);
  strictEqual(
    folded.at(-1),
    "The ledger balances: 3,600 ticks in 2 minutes are accepted, in Kafka, processed and stored " +
      "alike, 3 dead letters accounted for",
  );
  const all = formatReport(report, { all: true }).split("\n");
  deepStrictEqual(
    all.slice(1, 7).map((line) => cells(line)[1]),
    [
      "2013-10-07 13:31",
      "2013-10-07 13:32",
      "2 minutes",
      "2013-10-07 13:31",
      "1 minute",
      "2 minutes",
    ],
  );
});

Deno.test("a minute that differs is shown with what is wrong, and many are cut", () => {
  const differing = (minute: number) =>
    rowOf(1, minute, {
      stored: tally(1_197),
      verdict: "differs",
      differences: [{ partition: 1, minute, side: "sink", message: "3 fewer" }],
    });
  const lines = formatReport(reportOf([rowOf(1, MINUTE), differing(MINUTE + 60_000)])).split("\n");
  match(lines[1]!, /^1 +2013-10-07 13:32 .* 1,197 +0 {2}differs$/);
  match(lines[2]!, /1 balanced, 1 differs$/);
  strictEqual(lines[4], "partition 1, minute 2013-10-07 13:32: 3 fewer");
  const many = Array.from({ length: 60 }, (_, index) => differing(MINUTE + index * 60_000));
  const text = formatReport(reportOf(many));
  match(text, /\n… and 10 more\n/);
  match(text, /does not balance: partition 1, minute 2013-10-07 13:31: 3 fewer, and 59 more diff/);
});

Deno.test("a ledger of months can be shown whole", () => {
  const rows = Array.from({ length: 150_000 }, (_, index) => rowOf(0, MINUTE + index * 60_000));
  strictEqual(formatReport(reportOf(rows), { all: true }).split("\n").length, 150_004);
});

Deno.test("what is no difference is noted", () => {
  const text = formatReport(
    reportOf([rowOf(0, MINUTE, { invalid: 2, for_one_stage: 3 })], {
      refused_at_doors: { line_malformed: 4 },
    }),
  );
  match(text, /^refused at a door, and so never in the topic: line_malformed 4$/m);
  match(text, /^records in Kafka that are no valid ticks: 2$/m);
  match(text, /^replayed dead letters, which count for one stage only: 3$/m);
});
