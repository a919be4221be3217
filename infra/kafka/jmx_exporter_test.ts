/** The exporter's rules against the table of what they show. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { BROKER_METRICS, type BrokerMetricRow } from "./metrics.ts";

interface Rule {
  pattern: string;
  name: string;
  type: "COUNTER" | "GAUGE";
  help: string;
  labels?: { [label: string]: string };
}

const { rules, includeObjectNames }: { rules: Rule[]; includeObjectNames: string[] } = parse(
  await Deno.readTextFile(new URL("./jmx_exporter.yml", import.meta.url)),
);

/** Labels in one order: the exporter sorts them. */
const shape = ({ name, kind, help, labels }: Omit<BrokerMetricRow, "unit">) =>
  [name, kind, help, [...labels].sort().join()].join(" | ");

Deno.test("each rule of the exporter is a row of the table, and each row has its rule", () => {
  const shown = rules.map(({ name, type, help, labels = {} }) =>
    shape({
      name: name as BrokerMetricRow["name"],
      kind: type === "COUNTER" ? "counter" : "gauge",
      help,
      labels: Object.keys(labels),
    })
  );
  assert.deepEqual(
    [...new Set(shown)].sort(),
    Object.values(BROKER_METRICS).map(shape).sort(),
  );
});

Deno.test("what the exporter reads is what its rules are for", () => {
  const patterns = rules.map(({ pattern }) => pattern);
  const unread = patterns
    .filter((pattern) => !includeObjectNames.some((bean) => isFor(pattern, bean)));
  assert.deepEqual(unread, []);
  const unused = includeObjectNames
    .filter((bean) => !patterns.some((pattern) => isFor(pattern, bean)));
  assert.deepEqual(unused, []);
});

/** Whether a rule's pattern fits an object as the exporter writes its name. */
function isFor(pattern: string, bean: string): boolean {
  const [domain, keys] = bean.split(":") as [string, string];
  const properties = keys.replaceAll("=*", "=1").replaceAll(",", ", ");
  return new RegExp(`^${pattern.split("<>")[0]}$`).test(`${domain}<${properties}>`);
}
