/** For tests: asks the real Prometheus what panels ask. */
import { type Board, isSql } from "../../dashboards/board.ts";
import { scopeOf } from "../../dashboards/grafana.ts";
import type { Scope } from "../../dashboards/query.ts";
import { query } from "./test_prometheus.ts";

/** As a panel asks, whose window is at least four scrapes wide. */
export const PANELS: Scope = { matchers: 'instance=~".+"', window: "20s" };

/** Queries of boards that have no answer: "board: panel legend". */
export async function emptyPanels(prometheus: string, boards: readonly Board[]): Promise<string[]> {
  const empty: string[] = [];
  for (const board of boards) {
    const { name, rows } = board;
    const panels = rows.flatMap(({ panels }) => panels).filter((panel) => !isSql(panel));
    for (const { title, queries } of panels) {
      for (const { query: ask, legend } of queries) {
        const matchers = scopeOf(board).matchers === "" ? "" : PANELS.matchers;
        const answer = await query(prometheus, ask({ ...PANELS, matchers }));
        // A quantile of nothing is NaN: Grafana draws no line.
        if (!answer.some(({ value }) => value[1] !== "NaN")) {
          empty.push(`${name}: ${title} ${legend}`);
        }
      }
    }
  }
  return empty;
}
