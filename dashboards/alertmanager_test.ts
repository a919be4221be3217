import { deepStrictEqual, ok } from "node:assert/strict";
import { parse } from "yaml";
import { alertmanagerConfig } from "./alertmanager.ts";
import { ALERT_GROUPS } from "./all.ts";

const NAMES = Object.values(ALERT_GROUPS).flat().map(({ name }) => name);
/** Whatever the cause, records that are lost or refused are told. */
const ALWAYS_TOLD = [
  ...["ConsumerTrimmed", "DeadLettersGrow", "LedgerOutOfBalance"],
  ...["LossBudgetBurnsFast", "LossBudgetBurnsSlowly"],
];

const RULES: { sources: string[]; targets: string[] }[] = parse(
  alertmanagerConfig({ webhook_url_file: null }),
).inhibit_rules.map((rule: { source_matchers: string[]; target_matchers: string[] }) => ({
  sources: alertsOf(rule.source_matchers[0]!),
  targets: alertsOf(rule.target_matchers[0]!),
}));

function alertsOf(matcher: string): string[] {
  return /"(.*)"/.exec(matcher)![1]!.split("|");
}

Deno.test("what silences and what is silenced are alerts that there are", () => {
  for (const { sources, targets } of RULES) {
    deepStrictEqual([...sources, ...targets].filter((name) => !NAMES.includes(name)), []);
    for (const source of sources) ok(!targets.includes(source), `${source} silences itself`);
    deepStrictEqual([...new Set(targets)], targets);
  }
});

Deno.test("nothing silences a loss of records", () => {
  for (const name of ALWAYS_TOLD) ok(NAMES.includes(name), `there is no alert ${name}`);
  deepStrictEqual(
    RULES.filter(({ targets }) => ALWAYS_TOLD.some((name) => targets.includes(name))),
    [],
  );
});
