import { deepStrictEqual } from "node:assert/strict";
import { ROOT, sourceFiles } from "./source_files.ts";

/** A habit that is not allowed, where it is looked for, and what to do instead. */
interface Ban {
  pattern: RegExp;
  within: (file: string) => boolean;
  instead: string;
}

const isService = (file: string): boolean => /^(contract|runtime|services)\//.test(file);
const isTest = (file: string): boolean => file.endsWith("_test.ts");

const BANS: Ban[] = [
  {
    pattern: /\bconsole\.\w+\(/,
    within: (file) => isService(file) && !isTest(file),
    instead: "services write through the logger",
  },
  {
    pattern: /\bDeno\.env\b|\bprocess\.env\b/,
    within: (file) => isService(file) && !isTest(file) && file !== "runtime/config.ts",
    instead: "the environment is read by runtime/config.ts from a table of settings",
  },
  {
    pattern: /from "(npm|jsr|https?):/,
    within: () => true,
    instead: "dependencies are named and pinned in deno.json",
  },
  {
    pattern: /^import .* from "(?!\.|node:)[^"]+"/m,
    within: (file) => file.startsWith("contract/") && !isTest(file),
    instead: "the contract is pure TypeScript",
  },
  {
    pattern: /@ts-(ignore|nocheck|expect-error)|\bas any\b|: any\b/,
    within: (file) => !file.endsWith("style_test.ts"),
    instead: "say the type",
  },
];

Deno.test("the habits of the house are kept", () => {
  const faults = sourceFiles().flatMap((file) => {
    const source = Deno.readTextFileSync(ROOT + file);
    return BANS.filter((ban) => ban.within(file) && ban.pattern.test(source))
      .map((ban) => `${file}: ${ban.pattern.exec(source)![0]}: ${ban.instead}`);
  });
  deepStrictEqual(faults, []);
});

Deno.test("no folder or file is named after what it is not", () => {
  const vague = /(^|\/)(utils?|common|helpers?|misc|types)(\/|\.ts$)/;
  deepStrictEqual(sourceFiles().filter((file) => vague.test(file)), []);
});
