import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import {
  choice,
  ConfigError,
  flag,
  hostAndPort,
  integer,
  list,
  number,
  readConfig,
  shownConfig,
  text,
  unknownVariables,
  url,
} from "./config.ts";

const TABLE = {
  servers: {
    variable: "SERVERS",
    aliases: ["BROKERS"],
    default: "a:1",
    doc: "Servers.",
    parse: list(hostAndPort()),
  },
  wait_ms: { variable: "TAPELINE_WAIT_MS", default: "10", doc: "Wait.", parse: integer(1, 100) },
  key: { variable: "API_KEY", doc: "Key.", parse: text(), secret: true },
  mode: { variable: "MODE", default: "fast", doc: "Mode.", parse: choice("fast", "slow") },
} as const;

Deno.test("defaults stand where nothing is set, and an alias counts", () => {
  deepStrictEqual(readConfig(TABLE, { BROKERS: "b:2, c:3", MODE: "" }), {
    servers: ["b:2", "c:3"],
    wait_ms: 10,
    key: null,
    mode: "fast",
  });
});

Deno.test("all faults are told at once, with variable and value, and no secret", () => {
  const secret = { ...TABLE, key: { ...TABLE.key, parse: integer(1, 2) } };
  throws(
    () => readConfig(secret, { TAPELINE_WAIT_MS: "1.5", MODE: "medium", API_KEY: "hunter2" }),
    (error) => {
      strictEqual((error as ConfigError).faults.length, 3);
      const { message } = error as Error;
      match(message, /TAPELINE_WAIT_MS="1.5": must be a whole number from 1 to 100/);
      match(message, /MODE="medium": must be one of fast, slow/);
      strictEqual(message.includes("hunter2"), false);
      return true;
    },
  );
});

Deno.test("an unknown TAPELINE_ variable is a fault that names the nearest", () => {
  deepStrictEqual(unknownVariables([TABLE], { TAPELINE_WAIT: "1", OTHER: "2", SERVERS: "x" }), [
    "TAPELINE_WAIT is not a variable that Tapeline knows (did you mean TAPELINE_WAIT_MS?): unset or rename it",
  ]);
});

Deno.test("secrets are masked where the configuration is shown", () => {
  const config = readConfig(TABLE, { API_KEY: "hunter2" });
  deepStrictEqual(shownConfig(TABLE, config).key, "***");
  deepStrictEqual(shownConfig(TABLE, readConfig(TABLE, {})).key, null);
  const table = { feed: { variable: "FEED", doc: "Feed.", parse: url("wss") } };
  const shown = shownConfig(table, readConfig(table, { FEED: "wss://me:hunter2@feed.example/x" }));
  deepStrictEqual(shown.feed, "wss://me:***@feed.example/x");
  const with_key = readConfig(table, { FEED: "wss://feed.example/x?token=hunter2&a=1" });
  deepStrictEqual(shownConfig(table, with_key).feed, "wss://feed.example/x?token=***&a=***");
});

const REFUSED: [string, (given: string) => unknown, string[]][] = [
  ["integer", integer(0, 9), ["", " ", "x", "1.5", "-1", "10", "NaN", "1e400"]],
  ["number", number(0.5, 9), ["", "0.4", "9.1", "Infinity", "0x", "one"]],
  ["flag", flag(), ["yes", "1", "TRUE"]],
  ["list", list(text()), ["", ",", "a,a"]],
  ["hostAndPort", hostAndPort(), ["a", "a:", ":1", "a:0", "a:65536", "http://a:1", "a b:1"]],
  ["url", url("ws", "wss"), ["x", "http://a", "//a"]],
];

for (const [name, parse, texts] of REFUSED) {
  Deno.test(`${name} refuses what is not one`, () => {
    for (const given of texts) throws(() => parse(given), Error, JSON.stringify(given));
  });
}
