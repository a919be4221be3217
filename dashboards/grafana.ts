/** Draws a board as Grafana's JSON. */
import {
  type Dashboard,
  DashboardBuilder,
  DashboardLinkBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as FigureBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as LinesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import type { Board, Panel } from "./board.ts";
import { PANEL_SCOPE } from "./query.ts";
import { runbookPath } from "./rules.ts";

const PROMETHEUS = { type: "prometheus", uid: "${prometheus}" };
/** Grafana's grid is 24 wide: three panels a row. */
const PANEL_SPAN = 8;
const PANEL_HEIGHT = 8;
const COLOURS = { well: "green", warn: "orange", bad: "red" };

/**
 * Draws a board.
 *
 * @param board What is on it.
 * @returns Grafana's own model of a dashboard.
 */
export function drawBoard({ name, title, description, rows }: Board): Dashboard {
  const dashboard = new DashboardBuilder(`Tapeline: ${title}`)
    .uid(`tapeline-${name}`)
    .description(description)
    .tags(["tapeline"])
    .refresh("5s")
    .time({ from: "now-15m", to: "now" })
    .timezone("utc")
    .withVariable(
      new DatasourceVariableBuilder("prometheus").label("Prometheus").type("prometheus"),
    )
    .withVariable(
      new QueryVariableBuilder("instance")
        .label("Instance")
        .datasource(PROMETHEUS)
        .query(`label_values(up{job="${name}"}, instance)`)
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .sort(VariableSort.AlphabeticalAsc)
        .multi(true)
        .includeAll(true)
        .allValue(".*"),
    )
    .link(
      new DashboardLinkBuilder("Tapeline").type("dashboards" as never).tags(["tapeline"])
        .asDropdown(true),
    );
  let id = 0;
  for (const row of rows) {
    dashboard.withRow(new RowBuilder(row.title).id(++id));
    for (const panel of row.panels) dashboard.withPanel(drawPanel(panel).id(++id));
  }
  return dashboard.build();
}

function drawPanel(panel: Panel): LinesBuilder | FigureBuilder {
  const { title, description, kind, unit, queries, thresholds, alert } = panel;
  const builder = kind === "lines" ? new LinesBuilder() : new FigureBuilder();
  builder
    .title(title)
    .description(
      alert === undefined ? description : `${description}\n\nRunbook: ${runbookPath(alert)}`,
    )
    .unit(unit)
    .span(PANEL_SPAN)
    .height(PANEL_HEIGHT)
    .datasource(PROMETHEUS)
    .thresholds(
      new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
        { value: null as never, color: COLOURS.well },
        ...(thresholds.warn === undefined ? [] : [{ value: thresholds.warn, color: COLOURS.warn }]),
        ...(thresholds.bad === undefined ? [] : [{ value: thresholds.bad, color: COLOURS.bad }]),
      ]),
    );
  for (const [index, { query, legend }] of queries.entries()) {
    builder.withTarget(
      new DataqueryBuilder()
        .refId(String.fromCharCode("A".charCodeAt(0) + index))
        .expr(query(PANEL_SCOPE))
        .legendFormat(legend)
        .exemplar(kind === "lines" && unit === "s"),
    );
  }
  return builder;
}
