import { deepStrictEqual, ok } from "node:assert/strict";
import { stringify } from "yaml";
import { ALERT_GROUPS, BOARDS } from "./all.ts";
import { promtool } from "./promtool.ts";
import { generatedFiles } from "./build.ts";
import { type Case, CASES as SERVICE_CASES } from "./test_alert_cases.ts";
import { PROCESS_CASES } from "./test_process_alert_cases.ts";
import { POSTGRES_CASES } from "./test_postgres_alert_cases.ts";
import { KAFKA_CASES } from "./test_kafka_alert_cases.ts";

/** As the stack runs. */
const SCRAPE_INTERVAL_S = 5;

const CASES: readonly Case[] = [
  ...SERVICE_CASES,
  ...PROCESS_CASES,
  ...POSTGRES_CASES,
  ...KAFKA_CASES,
];

Deno.test("every alert has a case in which it fires and one in which it does not", () => {
  for (const { name } of Object.values(ALERT_GROUPS).flat()) {
    const of_alert = CASES.filter(({ alert }) => alert === name);
    ok(of_alert.some(({ fires }) => fires.length > 0), `${name} never fires in a case`);
    ok(of_alert.some(({ fires }) => fires.length === 0), `${name} always fires in its cases`);
  }
});

Deno.test("the rules are valid, and fire with these labels and words and else not", async () => {
  const dir = await Deno.makeTempDir({ prefix: "tapeline-rules-" });
  try {
    const rules: string[] = [];
    for (const [path, text] of generatedFiles()) {
      if (!path.includes("/rules/")) continue;
      rules.push(`${dir}/${path.split("/").at(-1)}`);
      await Deno.writeTextFile(rules.at(-1)!, text);
    }
    const checked = await promtool(["check", "rules", "--lint=all", "--lint-fatal", ...rules]);
    ok(checked.success, checked.output);

    const tested = await promtool(["test", "rules", ...await writeCases(dir, rules, CASES)]);
    ok(tested.success, tested.output);

    // It must be able to fail: the same cases, each with one word changed.
    // Those of hours are left out, for the time they take: they are judged in the same way.
    const short = CASES.filter(({ alert }) => !alert.includes("Budget"));
    const wrong = short.filter(({ fires }) => fires.length > 0).map((each) => ({
      ...each,
      fires: each.fires.map((fired) => ({ ...fired, summary: `${fired.summary}!` })),
    }));
    const { output } = await promtool(["test", "rules", ...await writeCases(dir, rules, wrong)]);
    const failed = [...output.matchAll(/^ +name: (.+),$/gm)].map(([, name]) => name);
    deepStrictEqual(failed.sort(), wrong.map(({ alert, what }) => `${alert}: ${what}`).sort());
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/**
 * Writes the cases of each group of rules as a test of that group's file alone: a case of hours would
 * else evaluate all rules there are.
 */
async function writeCases(
  dir: string,
  rules: readonly string[],
  cases: readonly Case[],
): Promise<string[]> {
  const paths: string[] = [];
  for (const [group, alerts] of Object.entries(ALERT_GROUPS)) {
    const of_group = cases.filter(({ alert }) => alerts.some(({ name }) => name === alert));
    if (of_group.length === 0) continue;
    const rule_file = rules.find((path) => path.endsWith(`/${group}.yml`))!;
    paths.push(`${dir}/${group}.cases.yml`);
    const { rules_interval_s = SCRAPE_INTERVAL_S } = BOARDS.find(({ name }) => name === group) ??
      {};
    await Deno.writeTextFile(paths.at(-1)!, testFile([rule_file], of_group, rules_interval_s));
  }
  return paths;
}

function testFile(rules: readonly string[], cases: readonly Case[], interval_s: number): string {
  const evaluation_interval = `${interval_s}s`;
  return stringify({ rule_files: rules, evaluation_interval, tests: cases.map(testOf) });
}

function testOf({ alert, what, series, at, fires }: Case): { [field: string]: unknown } {
  return {
    name: `${alert}: ${what}`,
    interval: `${SCRAPE_INTERVAL_S}s`,
    input_series: Object.entries(series).map(([series, values]) => ({ series, values })),
    alert_rule_test: [{
      alertname: alert,
      eval_time: at,
      exp_alerts: fires.map(({ labels, summary, description }) => ({
        exp_labels: labels,
        exp_annotations: { summary, description, runbook: `docs/runbooks/${alert}.md` },
      })),
    }],
  };
}
