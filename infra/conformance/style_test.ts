import { deepStrictEqual } from "node:assert/strict";
import { ROOT, sourceFiles } from "./source_files.ts";

/** A habit that is not allowed, where it is looked for, and what to do instead. */
interface Ban {
  pattern: RegExp;
  within: (file: string) => boolean;
  instead: string;
  /** What it must find. */
  examples: readonly string[];
}

const isService = (file: string): boolean => /^(contract|runtime|services)\//.test(file);
const isNotThis = (file: string): boolean => !file.endsWith("style_test.ts");
const isTest = (file: string): boolean => file.endsWith("_test.ts");

const BANS: Ban[] = [
  {
    pattern: /\bconsole\.\w+\(/,
    within: (file) => isService(file) && !isTest(file),
    instead: "services write through the logger",
    examples: ['console.log("x")'],
  },
  {
    pattern: /\bDeno\.env\b|\bprocess\.env\b/,
    within: (file) => isService(file) && !isTest(file) && file !== "runtime/config.ts",
    instead: "the environment is read by runtime/config.ts from a table of settings",
    examples: ['Deno.env.get("X")', "process.env.X"],
  },
  {
    pattern: /(\bfrom|\bimport\(?)\s*["'](npm|jsr|https?):/,
    within: isNotThis,
    instead: "dependencies are named and pinned in deno.json",
    examples: ['import x from "npm:x@1"', 'await import("npm:x@1")', 'import "jsr:@std/x"'],
  },
  {
    pattern: /^(import|export|\}).*\bfrom "(?!\.|node:)[^"]+"|\bimport\(?\s*"(?!\.|node:)/m,
    within: (file) => file.startsWith("contract/") && !isTest(file),
    instead: "the contract is pure TypeScript",
    examples: [
      'import { Kafka } from "kafkajs";',
      'import {\n  Kafka,\n} from "kafkajs";',
      'export { Kafka } from "kafkajs";',
      'import "kafkajs";',
      'await import("kafkajs")',
    ],
  },
  {
    pattern: /@ts-(ignore|nocheck|expect-error)|\bas any\b|: any\b|<any\b/,
    within: isNotThis,
    instead: "say the type",
    examples: ["// @ts-ignore", "x as any", "(x: any[])", "Array<any>"],
  },
  {
    pattern: /deno-lint-ignore(?!.* -- \w)/,
    within: isNotThis,
    instead: "a rule is set aside with the reason behind two dashes",
    examples: ["// deno-lint-ignore no-explicit-any"],
  },
  {
    pattern: /(setTimeout\([^;]*,|\b(sleep|delay)\() ?\d[\d_]{3,}\)/,
    within: (file) => /_test\.ts$|\/test_\w+\.ts$/.test(file) && isNotThis(file),
    instead: "a test waits for an event, never for a fixed while",
    examples: ["setTimeout(resolve, 1_000)", "await sleep(5000)"],
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

Deno.test("each ban finds what it is for", () => {
  const blind = BANS.flatMap(({ pattern, examples }) =>
    examples.filter((example) => !pattern.test(example)).map((example) => `${pattern}: ${example}`)
  );
  deepStrictEqual(blind, []);
});

Deno.test("no folder or file is named after what it is not", () => {
  const vague = /(^|\/)(utils?|common|helpers?|misc|types)(\/|\.ts$)/;
  deepStrictEqual(sourceFiles().filter((file) => vague.test(file)), []);
});
