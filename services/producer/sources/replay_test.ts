import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { ConfigError } from "../../../runtime/config.ts";
import type { Tick } from "../../../contract/tick.ts";
import { sourceCases } from "./cases.ts";
import { type SourceUnderTest, withSource } from "./test_source.ts";

const HEADER = "symbol,timestamp,price,volume,trade_id,price_forming";

/** Runs a test with a file of this content. */
async function withFile(
  content: string | Uint8Array,
  test: (path: string) => Promise<void>,
  name = "ticks.csv",
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/${name}`;
  try {
    await Deno.writeFile(
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    await test(path);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function replay(
  content: string | Uint8Array,
  environment: { [variable: string]: string },
  test: (under_test: SourceUnderTest) => Promise<void>,
): Promise<void> {
  await withFile(content, (path) =>
    withSource("replay", {
      TAPELINE_REPLAY_FILE: path,
      TAPELINE_REPLAY_SPEED: "max",
      ...environment,
    }, test));
}

function row(tick: Tick | null): string {
  return tick === null
    ? "AAPL,1700000000000,not a price,1,,"
    : `${tick.symbol},${tick.timestamp},${tick.price},${tick.volume},,`;
}

sourceCases({
  name: "replay",
  source: "replay/ticks.csv",
  ends: true,
  waits: true,
  prepare: (inputs, test) =>
    withFile(
      [HEADER, ...inputs.map(row), ""].join("\n"),
      (path) => test({ TAPELINE_REPLAY_FILE: path, TAPELINE_REPLAY_SPEED: "max" }, () => {}),
    ),
});

Deno.test("a replay says the line of each tick", async () => {
  const content = `${HEADER}\r\nA,1,1,1,,\r\n\r\n"B",2,1,1,"x,y",false\r\n`;
  await replay(content, {}, async (under_test) => {
    await under_test.ended();
    deepStrictEqual(under_test.lines, [2, 4]);
    deepStrictEqual(under_test.ticks[1], {
      symbol: "B",
      price: 1,
      volume: 1,
      timestamp: 2,
      source: "replay/ticks.csv",
      trade_id: "x,y",
      price_forming: false,
    });
  });
});

Deno.test("a gzip cut in the middle gives its good lines, and the cut one by its number", async () => {
  const rows = Array.from({ length: 5_000 }, (_, at) => `S${at % 7},${at},${at + 1}.5,${at},,`);
  const whole = gzipSync(`${HEADER}\n${rows.join("\n")}\n`);
  await replay(whole.subarray(0, whole.length / 2), {}, async (under_test) => {
    await under_test.ended();
    ok(under_test.ticks.length > 1_000 && under_test.ticks.length < 4_999);
    deepStrictEqual(under_test.ticks.map((tick) => tick.timestamp), [
      ...under_test.ticks.keys(),
    ]);
    const cut_at = under_test.ticks.length + 2;
    strictEqual(under_test.refused.length, 1);
    const { line, fault } = under_test.refused[0]!;
    deepStrictEqual({ line, reason: fault.reason }, { line: cut_at, reason: "line_malformed" });
    match(fault.message, new RegExp(`breaks off in line ${cut_at}: its gzip data`));
  });
});

Deno.test("refused lines keep their bytes, and are logged with their numbers", async () => {
  const bytes = new TextEncoder().encode(`${HEADER}\nA,1,1,1,,\nA,2,x,1,,\nA,?\n`);
  bytes[bytes.indexOf("?".charCodeAt(0))] = 0xff;
  await replay(bytes, {}, async (under_test) => {
    await under_test.ended();
    deepStrictEqual(
      under_test.refused.map(({ line, fault }) => [line, fault.reason]),
      [[3, "price_invalid"], [4, "not_utf8"]],
    );
    deepStrictEqual(new Uint8Array(under_test.refused[1]!.bytes), new Uint8Array([65, 44, 255]));
    strictEqual(under_test.log.filter((line) => line.includes("line_refused")).length, 2);
  });
});

Deno.test("at a factor, ticks come when they are due by event time", async () => {
  const content = `${HEADER}\nA,0,1,1,,\nA,3000,1,1,,\nA,6000,1,1,,\n`;
  await replay(content, { TAPELINE_REPLAY_SPEED: "20" }, async (under_test) => {
    await under_test.takeUntil(() => under_test.ticks.length === 1);
    const started_at = performance.now();
    await under_test.takeUntil(() => under_test.ticks.length === 3);
    const elapsed_ms = performance.now() - started_at;
    ok(elapsed_ms > 250 && elapsed_ms < 900, `${elapsed_ms} ms for 6 s at 20 times the speed`);
  });
});

Deno.test("a long gap in event time does not hold up a stop", async () => {
  const content = `${HEADER}\nA,0,1,1,,\nA,3600000,1,1,,\n`;
  await replay(content, { TAPELINE_REPLAY_SPEED: "realtime" }, async (under_test) => {
    await under_test.takeUntil(() => under_test.ticks.length === 1);
    const started_at = performance.now();
    await under_test.stop();
    ok(performance.now() - started_at < 500);
    strictEqual(under_test.markers.length, 0, "a replay that was stopped has not ended");
  });
});

Deno.test("a sample is of the file, and has the time of sending", async () => {
  const content = `${HEADER}\nA,1,1,1,,\nB,2,2,2,,\n`;
  await replay(content, { TAPELINE_REPLAY_SAMPLE: "true" }, async (under_test) => {
    const before = Date.now();
    await under_test.takeUntil(() => under_test.ticks.length === 1);
    const [tick] = under_test.ticks;
    ok(["A", "B"].includes(tick!.symbol) && tick!.timestamp >= before);
    await under_test.takeUntil(() => under_test.markers.length === 1);
    strictEqual(under_test.markers[0]!.event_time, tick!.timestamp);
    strictEqual(under_test.markers[0]!.ended, false);
    for (const { source } of [tick!, under_test.markers[0]!]) {
      strictEqual(source, "replay/ticks.csv~sample");
    }
  });
});

for (
  const [what, content, expected] of [
    ["an empty file", "", /line 1: the file is empty/],
    ["a missing column", "symbol,timestamp,volume\nA,1,1\n", /line 1: .*it lacks price/],
    ["a gzip cut in its header", gzipSync(HEADER).subarray(0, 12), /line 1: there is no whole/],
    ["a header that names a column twice", `${HEADER},price\n`, /line 1: .*"price" twice/],
    ["a header that is not UTF-8", new Uint8Array([255, 254, 10]), /line 1: it is not UTF-8/],
    ["something else altogether", "%PDF-1.4\n", /line 1: the header is of no known format/],
  ] as const
) {
  Deno.test(`a replay refuses ${what}, and a restart would not help`, async () => {
    await rejects(replay(content, {}, async () => {}), (error: Error) => {
      ok(error instanceof ConfigError);
      match(error.message, expected);
      match(error.message, /TAPELINE_REPLAY_FILE=/);
      return true;
    });
  });
}

Deno.test("a replay refuses a file that is not there", async () => {
  await rejects(
    withSource("replay", { TAPELINE_REPLAY_FILE: "/no/such/file.csv" }, async () => {}),
    /Cannot replay TAPELINE_REPLAY_FILE=\/no\/such\/file.csv: there is no such file/,
  );
});
