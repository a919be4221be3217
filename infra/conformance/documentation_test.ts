import { deepStrictEqual, match } from "node:assert/strict";
import { undocumented } from "./documentation.ts";
import { ROOT, sourceFiles } from "./source_files.ts";

Deno.test("every exported function, class and interface says what it is", async () => {
  const modules = sourceFiles().filter((file) => !file.endsWith("_test.ts"));
  deepStrictEqual(await undocumented(modules.map((file) => ROOT + file)), []);
});

Deno.test("a function without a docstring is found", async () => {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      file,
      "/** It is documented. */\nexport function told(): void {}\nexport function untold(): void {}\n",
    );
    const found = await undocumented([file]);
    deepStrictEqual(found.length, 1);
    match(found[0]!, /:3 function untold has no docstring$/);
  } finally {
    await Deno.remove(file);
  }
});
