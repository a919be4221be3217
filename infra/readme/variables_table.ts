/** README's table of variables, made from the tables that the code reads them by. Pure. */
import type { Setting, SettingTable } from "../../runtime/config.ts";
import { withBlock } from "./marked_block.ts";

/** A table of settings, and whom it belongs to. */
export interface NamedTable {
  owner: string;
  table: SettingTable;
}

const MARKS = {
  start: "<!-- variables: written by `deno task readme` -->",
  end: "<!-- /variables -->",
};

/**
 * The table in Markdown: one row a variable, with who reads it.
 *
 * @param tables All tables of settings.
 */
export function variablesTable(tables: readonly NamedTable[]): string {
  const rows = new Map<string, { setting: Setting<unknown>; owners: string[] }>();
  for (const { owner, table } of tables) {
    for (const setting of Object.values(table)) {
      const row = rows.get(setting.variable) ?? { setting, owners: [] };
      row.owners.push(owner);
      rows.set(setting.variable, row);
    }
  }
  const lines = [...rows.values()].map(({ setting, owners }) => {
    const names = [setting.variable, ...(setting.aliases ?? [])].map((name) => `\`${name}\``);
    const standard = setting.default === undefined || setting.secret
      ? ""
      : `\`${setting.default.replaceAll("|", "\\|")}\``;
    const doc = setting.doc.replaceAll("|", "\\|");
    return `| ${names.join(" ")} | ${standard} | ${doc} | ${
      owners.length === tables.length ? "all" : owners.join(", ")
    } |`;
  });
  return ["| variable | default | what it is | read by |", "| --- | --- | --- | --- |", ...lines]
    .join("\n");
}

/**
 * Puts the table into README, between its two marks.
 *
 * @param readme README's text.
 * @param table The table in Markdown.
 * @throws Error where a mark is missing.
 */
export function withVariables(readme: string, table: string): string {
  return withBlock(readme, MARKS, table);
}
