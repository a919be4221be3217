import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { ALERT_GROUPS, BOARDS } from "./all.ts";
import { generatedFiles } from "./build.ts";
import { METRIC_TABLES } from "./metrics_page.ts";
import { runbookPath } from "./rules.ts";
import { isSql } from "./board.ts";
import { boardFaults, type BoardJson } from "./board_lint.ts";
import { METRICS as POSTGRES } from "../infra/postgres/metrics.ts";
import { KAFKA_METRICS } from "../infra/kafka/metrics.ts";
import { SERVICE_METRICS } from "../runtime/metric_table.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const ALERTS = Object.values(ALERT_GROUPS).flat();
const FILES = generatedFiles();

const drawn = [...FILES].filter(([path]) => path.startsWith("infra/generated/grafana/"))
  .map(([path, text]) => [path, JSON.parse(text) as BoardJson] as const);

Deno.test("every board as Grafana gets it is well made", () => {
  strictEqual(drawn.length, BOARDS.length);
  for (const [path, board] of drawn) deepStrictEqual(boardFaults(board), [], path);
});

Deno.test("boards have names of their own", () => {
  const uids = drawn.map(([, { uid }]) => uid);
  strictEqual(new Set(uids).size, uids.length);
});

Deno.test("what is wrong with a board is found", () => {
  const [, good] = drawn[0]!;
  const broken = (change: (board: BoardJson) => void): string[] => {
    const board = structuredClone(good);
    change(board);
    return boardFaults(board);
  };
  const first = (board: BoardJson) => board.panels.find(({ type }) => type !== "row")!;
  const cases: [fault: RegExp, change: (board: BoardJson) => void][] = [
    [/no description/, (board) => void (first(board).description = "")],
    [/no title/, (board) => void (first(board).title = "")],
    [/no unit/, (board) => void delete first(board).fieldConfig!.defaults.unit],
    [/asks nothing/, (board) => void (first(board).targets = [])],
    [/not the board's datasource/, (board) => void (first(board).datasource!.uid = "abc")],
    [/two panels have the id/, (board) => void (first(board).id = board.panels.at(-1)!.id!)],
    [/overlap/, (board) => void (first(board).gridPos = board.panels.at(-1)!.gridPos!)],
    [/does not fit/, (board) => void (first(board).gridPos!.w = 30)],
    [/window/, (board) => void (first(board).targets![0]!.expr = "rate(up[1m])")],
    [/all times/, (board) => void (first(board).targets = [{ rawSql: "SELECT 1 AS time" }])],
    [
      /nothing asks for the variable nobody/,
      (board) => void board.templating.list.push({ name: "nobody", type: "query" }),
    ],
  ];
  for (const [fault, change] of cases) {
    const faults = broken(change);
    ok(faults.some((text) => fault.test(text)), `${fault} is not among ${JSON.stringify(faults)}`);
  }
});

Deno.test("every alert has a runbook, and every runbook an alert", async () => {
  const names = ALERTS.map(({ name }) => name).sort();
  deepStrictEqual([...new Set(names)], names);
  const runbooks = (await Array.fromAsync(Deno.readDir(`${ROOT}docs/runbooks`)))
    .map(({ name }) => `docs/runbooks/${name}`).sort();
  deepStrictEqual(runbooks, names.map(runbookPath));
  for (const path of runbooks) {
    const text = await Deno.readTextFile(ROOT + path);
    for (const heading of ["## What it means", "## How to see", "## How to mend"]) {
      ok(text.includes(heading), `${path} has no ${heading}`);
    }
  }
});

Deno.test("a panel links to the runbook of an alert that there is", () => {
  const names = ALERTS.map(({ name }) => name);
  const linked = BOARDS.flatMap(({ rows }) => rows)
    .flatMap(({ panels }) => panels)
    .flatMap((panel) => isSql(panel) ? [] : panel.alert ?? []);
  deepStrictEqual(linked.filter((alert) => !names.includes(alert)), []);
});

/** Metrics that no panel and no alert uses, and why. */
const UNUSED: { readonly [metric: string]: string } = {
  tapeline_producer_feed_connected: "of live feeds, whose board comes with them",
  tapeline_producer_feed_reconnects_total: "of live feeds, whose board comes with them",
  tapeline_producer_replay_progress_ratio: "of a replay, which ends before anybody looks",
  tapeline_consumer_group_lag_records: "by partition; the board shows its seconds, and the sum",
  tapeline_consumer_group_lag_records_max: "for whoever knows kafka-lag-exporter; the sum is shown",
};

Deno.test("every metric is on a panel or in an alert, or it is said why not", () => {
  const asked = [...FILES].filter(([path]) => !path.endsWith(".md")).map(([, text]) => text);
  const rows = [
    ...Object.values(SERVICE_METRICS),
    ...Object.values(METRIC_TABLES).flatMap((table) => Object.values(table)),
    ...Object.values(POSTGRES),
    ...KAFKA_METRICS,
  ];
  const unused = rows.filter(({ name, kind }) => {
    const parts = kind === "summary" ? "sum|count" : "bucket|count";
    return !asked.some((text) => new RegExp(`${name}(?!\\w)|${name}_(${parts})`).test(text));
  });
  const names = [...new Set(unused.map(({ name }) => name))];
  deepStrictEqual(names.sort(), Object.keys(UNUSED).sort());
});
