import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { DEAD_LETTER_HEADERS, deadLetterHeaders, type Origin } from "../../contract/dead_letter.ts";
import type { DiscardReason } from "../../contract/tick.ts";
import { type DeadLetter, readDeadLetter } from "../../runtime/dead_letters.ts";
import { fits, newestLetters } from "./letters.ts";
import { letterJson, letterTable } from "./list.ts";
import { letterIdentity, planReplay } from "./replay_plan.ts";

const NOW = 1_709_285_460_000;
const TICK = { source: "http", symbol: "IBM", price: 1, volume: 2, timestamp: NOW };
const IN_TICKS: Origin = { topic: "ticks", partition: 2, offset: "17" };
const AT_DOOR: Origin = { source: "http", line: 3 };

interface Given {
  stage?: string;
  reason?: DiscardReason;
  origin?: Origin;
  value?: unknown;
  headers?: { [name: string]: string | Uint8Array };
  offset?: string;
}

function letterOf(given: Given): DeadLetter {
  const { stage = "aggregator", reason = "late", origin = IN_TICKS, value = TICK } = given;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return readDeadLetter({
    offset: given.offset ?? "5",
    timestamp: String(NOW),
    key: Buffer.from("IBM"),
    value: value === null ? null : Buffer.from(text),
    headers: {
      ...Object.fromEntries(
        Object.entries(given.headers ?? {}).map(([name, each]) => [name, Buffer.from(each)]),
      ),
      ...deadLetterHeaders(stage, { reason, message: "why" }, origin),
    },
  });
}

const CONTEXT = { tick_topic: "ticks", dead_letter_topic: "dlq", corrected: null, now_ms: NOW };

function refusal(given: Given, corrected: string | null = null): string {
  const plan = planReplay(letterOf(given), { ...CONTEXT, corrected });
  return "refusal" in plan ? plan.refusal : "none";
}

Deno.test("a stage's letter keeps its bytes and goes to that stage only", () => {
  const value = ` ${JSON.stringify(TICK)} `;
  const binary = new Uint8Array([0xff, 0x00]);
  const letter = letterOf({
    value,
    headers: {
      traceparent: "00-1",
      binary,
      "tapeline-run": "r",
      "tapeline-line": "9",
      "tapeline-only-stage": "sink",
      "tapeline-replay-of": "older",
    },
  });
  const plan = planReplay(letter, CONTEXT);
  if ("refusal" in plan) throw new Error(plan.refusal);
  strictEqual(new TextDecoder().decode(plan.value), value);
  deepStrictEqual(plan.tick, TICK);
  deepStrictEqual(
    Object.fromEntries(Object.entries(plan.headers).map(([name, each]) => [name, `${each}`])),
    {
      traceparent: "00-1",
      binary: `${Buffer.from(binary)}`,
      "tapeline-replay-of": "aggregator/ticks/2/17",
      "tapeline-only-stage": "aggregator",
    },
  );
  deepStrictEqual(Buffer.from(plan.headers.binary as Uint8Array), Buffer.from(binary));
});

Deno.test("a door's letter is judged as the door would, and goes to all stages", () => {
  const { source: _source, ...without_source } = TICK;
  const letter = letterOf({
    stage: "producer",
    origin: AT_DOOR,
    value: { ...without_source, x: 1 },
  });
  const plan = planReplay(letter, CONTEXT);
  if ("refusal" in plan) throw new Error(plan.refusal);
  deepStrictEqual(JSON.parse(new TextDecoder().decode(plan.value)), TICK);
  deepStrictEqual(plan.headers, { "tapeline-replay-of": "dlq/0/5" });
});

Deno.test("a corrected value stands in for the original bytes", () => {
  const broken: Given = { reason: "not_json", value: '{"symbol":' };
  match(refusal(broken), /still no tick \(The value is not JSON.*: give it --value$/);
  strictEqual(refusal(broken, JSON.stringify(TICK)), "none");
  match(refusal(broken, JSON.stringify({ ...TICK, price: -1 })), /still no tick \(price must be/);
  match(refusal({ ...broken, value: null }), /still no tick \(The record has no value/);
});

Deno.test("what can't be replayed says why", () => {
  const cut = { [DEAD_LETTER_HEADERS.value_length]: "2000000" };
  match(refusal({ headers: cut }), /only the head of its 2000000 bytes was kept/);
  strictEqual(refusal({ headers: cut }, JSON.stringify(TICK)), "none");
  match(refusal({ headers: { "tapeline-record": "marker" } }), /it is a marker/);
  match(
    refusal({ stage: "sink", origin: { topic: "candles", partition: 0, offset: "1" } }),
    /came from topic candles, and only ticks are replayed/,
  );
  match(refusal({ stage: "other" }), /no stage "other" reads the tick topic/);
  match(
    refusal({ value: { ...TICK, x: "y".repeat(1_000_000) } }),
    /more than the tick topic takes/,
  );
  const letter = { ...letterOf({}), origin: null };
  deepStrictEqual(planReplay(letter, CONTEXT), {
    refusal: "its headers do not say where it came from",
  });
});

Deno.test("a tick of the far future waits, but only where that is refused", () => {
  const future = { ...TICK, timestamp: NOW + 60_001 };
  match(refusal({ value: future }), /60\.0 s past the time of ingest/);
  match(refusal({ value: future, origin: AT_DOOR, stage: "producer" }), /past the time of ingest/);
  strictEqual(refusal({ value: future, stage: "sink" }), "none");
});

Deno.test("a letter written twice is one letter; two stages' letters are two", () => {
  const identity = (given: Given) => letterIdentity(letterOf(given), "dlq");
  strictEqual(identity({ offset: "5" }), identity({ offset: "6" }));
  strictEqual(identity({ stage: "sink" }) === identity({}), false);
  strictEqual(
    identity({ origin: AT_DOOR, offset: "5" }) === identity({ origin: AT_DOOR, offset: "6" }),
    false,
  );
});

Deno.test("letters fit every filter that is set", () => {
  const letter = letterOf({ offset: "5" });
  strictEqual(fits({}, letter), true);
  strictEqual(fits({ stage: "aggregator", reason: "late", offset: "5" }, letter), true);
  for (const filter of [{ stage: "sink" }, { reason: "not_json" }, { offset: "6" }]) {
    strictEqual(fits(filter, letter), false);
  }
});

Deno.test("the newest letters are kept, and the table says how many there are", async () => {
  async function* letters() {
    for (let offset = 0; offset < 11; offset++) {
      yield await Promise.resolve(letterOf({ offset: `${offset}` }));
    }
  }
  const newest = await newestLetters(letters(), 2);
  deepStrictEqual(newest.letters.map((letter) => letter.offset), ["9", "10"]);
  const lines = letterTable(newest).split("\n");
  match(lines[0]!, /^offset {2}time \(UTC\) +stage +reason +came from +message +value$/);
  match(
    lines[1]!,
    /^9 +2024-03-01 09:31:00 {2}aggregator {2}late {4}ticks\/2\/17 {2}why +\{"source"/,
  );
  strictEqual(lines.at(-1), "11 dead letters, the newest 2 of them shown");
  strictEqual(letterTable({ letters: [], total: 0 }), "There are no such dead letters");
});

Deno.test("a letter's value can't steer the terminal, and is whole in JSON", () => {
  const letter = letterOf({ value: "\x1b[2J" + "x".repeat(100), origin: AT_DOOR });
  strictEqual(letterTable({ letters: [letter], total: 1 }).includes("\x1b"), false);
  const { value_base64, origin } = JSON.parse(letterJson(letter));
  strictEqual(atob(value_base64), "\x1b[2J" + "x".repeat(100));
  deepStrictEqual(origin, AT_DOOR);
});
