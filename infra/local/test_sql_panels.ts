/** For tests: the panels that ask the database, asked as Grafana does. */
import { BOARDS } from "../../dashboards/all.ts";
import { isSql } from "../../dashboards/board.ts";
import { withDatabase } from "../../services/sink/sink_test_data.ts";

/** A span that holds all there is. */
const FROM = "2000-01-01T00:00:00Z";
const TO = "2100-01-01T00:00:00Z";

/**
 * Asks every panel and variable of the boards that ask the database, as the reader's role.
 *
 * @param url The database.
 * @returns Those that have no answer: "board: panel".
 */
export async function emptySqlPanels(url: string): Promise<string[]> {
  return await withDatabase(url, async ({ sql }) => {
    const empty: string[] = [];
    for (const { name, rows, sql_variables = [] } of BOARDS) {
      const chosen = new Map<string, string>();
      for (const variable of sql_variables) {
        const [first] = await sql.unsafe(variable.sql).values();
        if (first === undefined) empty.push(`${name}: variable ${variable.name}`);
        else chosen.set(variable.name, String(first[0]));
      }
      for (const panel of rows.flatMap(({ panels }) => panels).filter(isSql)) {
        if ((await sql.unsafe(asked(panel.sql, chosen))).length === 0) {
          empty.push(`${name}: ${panel.title}`);
        }
      }
    }
    return empty;
  });
}

/** As Grafana's Postgres datasource fills in macros and variables. */
function asked(sql: string, chosen: ReadonlyMap<string, string>): string {
  let text = sql.replaceAll(
    /\$__timeFilter\(([^)]*)\)/g,
    (_, column) => `${column} BETWEEN '${FROM}' AND '${TO}'`,
  ).replaceAll("$__timeFrom()", `'${FROM}'`);
  for (const [variable, value] of chosen) text = text.replaceAll(`$${variable}`, value);
  return text;
}
