import assert from "node:assert/strict";
import { type Announcement, createLineReader } from "./service_lines.ts";

function reader(): {
  take: (line: string) => void;
  shown: string[];
  announced: Announcement[];
  wait(duration_ms: number): void;
} {
  const [shown, announced]: [string[], Announcement[]] = [[], []];
  let now = 0;
  const take = createLineReader(
    "sink",
    (line) => shown.push(line),
    (each) => announced.push(each),
    () => now,
  );
  return { take, shown, announced, wait: (duration_ms) => now += duration_ms };
}

Deno.test("a service's lines tell where it listens, at which door", () => {
  const { take, announced, shown } = reader();
  take('{"level":"info","event":"listening","operations_url":"http://127.0.0.1:1"}');
  take('{"level":"info","event":"listening","door":"http","url":"http://127.0.0.1:2"}');
  take('{"level":"info","event":"listening"}');
  assert.deepEqual(announced, [
    { door: "operations", url: "http://127.0.0.1:1" },
    { door: "http", url: "http://127.0.0.1:2" },
  ]);
  assert.deepEqual(shown, []);
});

Deno.test("warnings, errors and what is no log line are shown; normal operation is not", () => {
  const { take, shown } = reader();
  take('{"level":"info","message":"fine"}');
  take('{"level":"warn","message":"slow"}');
  take('{"level":"error","message":"the service fails","error":"no room"}');
  take("error: Uncaught (in promise) NotCapable");
  take("{ not json");
  take("");
  assert.deepEqual(shown, [
    "sink: warn slow",
    "sink: error the service fails: no room",
    "sink: error: Uncaught (in promise) NotCapable",
    "sink: { not json",
  ]);
});

Deno.test("a flood of warnings is cut, says so once, and is shown again later", () => {
  const { take, shown, wait } = reader();
  for (let i = 0; i < 100; i++) take(`{"level":"warn","message":"${i}"}`);
  assert.equal(shown.length, 11);
  assert.equal(shown.at(-1), "sink: more lines follow in its log");
  wait(10_001);
  take('{"level":"warn","message":"later"}');
  assert.equal(shown.at(-1), "sink: warn later");
});
