/** Draws a board as Grafana's JSON. */
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardLinkBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { PanelBuilder as CandlesBuilder } from "@grafana/grafana-foundation-sdk/candlestick";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as FigureBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TableBuilder } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as LinesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { GraphDrawStyle } from "@grafana/grafana-foundation-sdk/common";
import { PIPELINE, SERVICE_NAMES } from "../contract/pipeline.ts";
import { type Board, isSql, type Panel, type SqlPanel } from "./board.ts";
import { PANEL_SCOPE, type Scope } from "./query.ts";
import { runbookPath } from "./rules.ts";

const PROMETHEUS = { type: "prometheus", uid: "${prometheus}" };
const POSTGRES = { type: "grafana-postgresql-datasource", uid: "${postgres}" };
/** Grafana's grid is 24 wide: three panels a row. */
const PANEL_SPAN = 8;
const PANEL_HEIGHT = 8;
const COLOURS = { well: "green", warn: "orange", bad: "red" };
/** Where this repository can be read differs from place to place: whoever looks says it once. */
const REPOSITORY_PLACEHOLDER = "https://git.example.org/tapeline/blob/main";

type AnyPanelBuilder = LinesBuilder | FigureBuilder | CandlesBuilder | TableBuilder;

/**
 * Draws a board.
 *
 * @param board What is on it.
 * @returns Grafana's own model of a dashboard.
 */
export function drawBoard(board: Board): Dashboard {
  const { name, title, description, rows, job, sql_variables = [] } = board;
  const panels = rows.flatMap((row) => row.panels);
  const dashboard = new DashboardBuilder(`Tapeline: ${title}`)
    .uid(`tapeline-${name}`)
    .description(description)
    .tags(["tapeline"])
    .refresh("5s")
    .time({ from: "now-15m", to: "now" })
    .timezone("utc")
    .link(
      new DashboardLinkBuilder("Tapeline").type("dashboards" as never).tags(["tapeline"])
        .asDropdown(true),
    );
  // Every board shows when alerts fired, so that a bend in a line finds its cause.
  dashboard.withVariable(
    new DatasourceVariableBuilder("prometheus").label("Prometheus").type(PROMETHEUS.type),
  );
  dashboard.annotation(
    new AnnotationQueryBuilder()
      .name("Alerts")
      .enable(true)
      .iconColor(COLOURS.bad)
      .datasource(PROMETHEUS)
      .expr('ALERTS{alertstate="firing"}')
      .titleFormat("{{alertname}}")
      .textFormat("{{service}} {{group}}")
      .step("5s"),
  );
  if (panels.some(isSql)) {
    dashboard.withVariable(
      new DatasourceVariableBuilder("postgres").label("Postgres").type(POSTGRES.type),
    );
  }
  const is_stage = PIPELINE.some(({ name }) => name === job);
  if (is_stage || panels.some((panel) => !isSql(panel) && panel.traces !== undefined)) {
    dashboard.withVariable(
      new DatasourceVariableBuilder("jaeger").label("Jaeger").type("jaeger"),
    );
  }
  if (panels.some((panel) => !isSql(panel) && panel.alert !== undefined)) {
    dashboard.withVariable(
      new TextBoxVariableBuilder("repository").label("Repository")
        .defaultValue(REPOSITORY_PLACEHOLDER),
    );
  }
  if (job !== undefined) {
    dashboard.withVariable(
      new QueryVariableBuilder("instance")
        .label("Instance")
        .datasource(PROMETHEUS)
        .query(`label_values(up{job="${job}"}, instance)`)
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .sort(VariableSort.AlphabeticalAsc)
        .multi(true)
        .includeAll(true)
        .allValue(".*"),
    );
  }
  for (const { name, label, sql } of sql_variables) {
    dashboard.withVariable(
      new QueryVariableBuilder(name).label(label).datasource(POSTGRES).query(sql)
        .refresh(VariableRefresh.OnTimeRangeChanged).sort(VariableSort.AlphabeticalAsc),
    );
  }
  const scope = scopeOf(board);
  // Every panel of a stage leads to the stage's traces.
  const traces = is_stage ? job : undefined;
  let id = 0;
  for (const row of rows) {
    dashboard.withRow(new RowBuilder(row.title).id(++id));
    for (const panel of row.panels) {
      const builder = isSql(panel) ? drawSqlPanel(panel) : drawPanel(
        { ...(traces && { traces }), ...panel },
        scope,
        SERVICE_NAMES.some((service) => service === job),
      );
      dashboard.withPanel(builder.id(++id));
    }
  }
  return dashboard.build();
}

/** Where a board's panels look. */
export function scopeOf({ job }: Pick<Board, "job">): Scope {
  return job === undefined ? { ...PANEL_SCOPE, matchers: "" } : PANEL_SCOPE;
}

function drawPanel(panel: Panel, scope: Scope, is_of_service: boolean): AnyPanelBuilder {
  const { title, description, kind, unit, queries, thresholds, alert, traces } = panel;
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
    .links([
      ...(alert === undefined ? [] : [runbookLink(alert)]),
      ...(traces === undefined ? [] : [tracesLink(traces)]),
    ])
    .thresholds(
      new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
        { value: null as never, color: COLOURS.well },
        ...(thresholds.warn === undefined ? [] : [{ value: thresholds.warn, color: COLOURS.warn }]),
        ...(thresholds.bad === undefined ? [] : [{ value: thresholds.bad, color: COLOURS.bad }]),
      ]),
    );
  if (is_of_service && queries.some(({ legend }) => legend.includes("{{instance}}"))) {
    builder.dataLinks([logLink()]);
  }
  for (const [index, { query, legend }] of queries.entries()) {
    builder.withTarget(
      new DataqueryBuilder()
        .refId(String.fromCharCode("A".charCodeAt(0) + index))
        .expr(query(scope))
        .legendFormat(legend)
        .exemplar(kind === "lines" && unit === "s"),
    );
  }
  return builder;
}

/** To the newest lines of the log of the instance that a line of the panel is of. */
function logLink(): DashboardLinkBuilder {
  return new DashboardLinkBuilder("Log of this instance").type("link" as never)
    .url("http://${__field.labels.instance}/logs").targetBlank(true);
}

function runbookLink(alert: string): DashboardLinkBuilder {
  return new DashboardLinkBuilder(`Runbook: ${alert}`).type("link" as never)
    .url(`\${repository}/${runbookPath(alert)}`).targetBlank(true);
}

/** To a service's traces, in Grafana's Explore. */
function tracesLink(service: string): DashboardLinkBuilder {
  const left = {
    datasource: "${jaeger}",
    queries: [{ refId: "A", queryType: "search", service }],
    range: { from: "${__from}", to: "${__to}" },
  };
  return new DashboardLinkBuilder(`Traces of ${service}`).type("link" as never)
    .url(`/explore?left=${JSON.stringify(left)}`).targetBlank(true);
}

function drawSqlPanel({ title, description, kind, unit, sql }: SqlPanel): AnyPanelBuilder {
  const builder = kind === "sql_candles"
    ? new CandlesBuilder()
    : kind === "sql_table"
    ? new TableBuilder()
    : kind === "sql_bars"
    ? new LinesBuilder().drawStyle(GraphDrawStyle.Bars).fillOpacity(60)
    : new LinesBuilder();
  return builder
    .title(title)
    .description(description)
    .unit(unit)
    .span(kind === "sql_candles" ? 3 * PANEL_SPAN : PANEL_SPAN)
    .height(kind === "sql_candles" ? 2 * PANEL_HEIGHT : PANEL_HEIGHT)
    .datasource(POSTGRES)
    .withTarget({
      // The SDK has no query of this datasource: its fields are those that Grafana's editor writes.
      build: () => ({
        refId: "A",
        datasource: POSTGRES,
        editorMode: "code",
        format: kind === "sql_lines" || kind === "sql_bars" ? "time_series" : "table",
        rawQuery: true,
        rawSql: sql,
        _implementsDataqueryVariant: () => {},
      } as never),
    });
}
