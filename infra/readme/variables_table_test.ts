import { strictEqual, throws } from "node:assert/strict";
import { integer, text } from "../../runtime/config.ts";
import { variablesTable, withVariables } from "./variables_table.ts";

const wait = { variable: "WAIT", default: "1", doc: "Wait a|b", parse: integer(0, 9) };
const key = {
  variable: "KEY",
  aliases: ["K"],
  default: "x",
  doc: "Key",
  parse: text(),
  secret: true,
};

Deno.test("a variable has one row, with who reads it; a secret's default is not shown", () => {
  const table = variablesTable([
    { owner: "sink", table: { wait, key } },
    { owner: "producer", table: { wait } },
  ]);
  strictEqual(
    table.split("\n").slice(2).join("\n"),
    "| `WAIT` | `1` | Wait a\\|b | all |\n| `KEY` `K` |  | Key | sink |",
  );
});

Deno.test("the table goes between the marks, again and again alike", () => {
  const readme =
    "a\n<!-- variables: written by `deno task readme` -->\nold\n<!-- /variables -->\nb\n";
  const once = withVariables(readme, "| new |");
  strictEqual(withVariables(once, "| new |"), once);
  strictEqual(once.includes("old"), false);
  throws(() => withVariables("no marks", "x"), /must hold the marks/);
});
