import { deepStrictEqual } from "node:assert/strict";
import { ROOT } from "../conformance/source_files.ts";
import { SCENARIOS } from "./scenarios/all.ts";

Deno.test("docs/guarantees.md names every fault there is, and no other", async () => {
  const text = await Deno.readTextFile(`${ROOT}docs/guarantees.md`);
  const promised = text.slice(text.indexOf("## Promised"), text.indexOf("## Not promised"));
  const cells = promised.split("\n").map((line) => line.split("|")[3] ?? "");
  const named = cells.flatMap((cell) =>
    [...cell.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name!)
  );
  deepStrictEqual(named.sort(), SCENARIOS.map(({ name }) => name).sort());
});
