import { deepStrictEqual, match, ok } from "node:assert/strict";
import { parse } from "yaml";
import { exporterQueries, METRICS } from "./metrics.ts";

/** A query as the exporter reads it. */
interface Written {
  query: string;
  metrics: { [column: string]: { usage: "LABEL" | "GAUGE" | "COUNTER"; description: string } }[];
}

Deno.test("each column that the exporter is told of is in its query, and is one of our metrics", () => {
  const queries = Object.entries(parse(exporterQueries()) as { [prefix: string]: Written });
  const written: string[] = [];
  for (const [prefix, { query, metrics }] of queries) {
    for (const [column, { usage }] of metrics.flatMap((metric) => Object.entries(metric))) {
      match(query, new RegExp(`(AS |\\.)${column}\\b`), `${prefix} does not select ${column}`);
      if (usage !== "LABEL") written.push(`${usage} ${prefix}_${column}`);
    }
  }
  const own = Object.values(METRICS).filter(({ name }) => name.startsWith("tapeline_"));
  ok(own.length > 0);
  deepStrictEqual(
    written.sort(),
    own.map(({ name, kind }) => `${kind.toUpperCase()} ${name}`).sort(),
  );
});
