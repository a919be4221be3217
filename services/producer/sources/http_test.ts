import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Tick } from "../../../contract/tick.ts";
import type { Load } from "../load.ts";
import { sourceCases } from "./cases.ts";
import { httpDoorApp, type HttpDoorOptions } from "./http.ts";
import { type SourceUnderTest, withSource } from "./test_source.ts";

const GOOD = { symbol: "AAPL", price: 1.5, volume: 10, timestamp: 1_700_000_000_000 };
const JSON_TYPE = { "content-type": "application/json" };

/** Sends each input as a request of its own, one after the other is queued. */
function post(under_test: SourceUnderTest, inputs: readonly (Tick | null)[]): void {
  const line = under_test.log.map((text) => JSON.parse(text)).find((each) => each.door === "http");
  const requests = inputs.map((tick) => tick ?? { ...GOOD, price: -1 });
  const controller = new AbortController();
  under_test.context.stopping.addEventListener("abort", () => controller.abort());
  const send = async (body: unknown): Promise<void> => {
    const response = await fetch(`${line.url}/ticks`, {
      method: "POST",
      headers: JSON_TYPE,
      body: JSON.stringify(body),
      signal: controller.signal,
    });
    await response.body?.cancel();
  };
  (async () => {
    // With room for ten, fifty at once do not fit.
    if (under_test.context.config.queue_ticks < inputs.length) {
      await Promise.all(requests.map(send));
    } else for (const request of requests) await send(request);
  })().catch(() => {
    // The test has ended and cut the request off.
  });
}

sourceCases({
  name: "http",
  source: "http",
  ends: false,
  waits: false,
  prepare: (inputs, test) => test({}, (under_test) => post(under_test, inputs)),
});

/** A door behind which every load is confirmed, unless told otherwise. */
async function withApp(
  options: Partial<HttpDoorOptions>,
  take: (load: Load) => boolean,
  test: (app: ReturnType<typeof httpDoorApp>, under_test: SourceUnderTest) => Promise<void>,
): Promise<void> {
  await withSource("http", {}, async (under_test) => {
    const door = { ...under_test.context.door, offer: take };
    await test(
      httpDoorApp(door, {
        token: null,
        body_bytes_max: 10_000,
        request_ticks_max: 100,
        confirm_deadline_ms: 5_000,
        ...options,
      }),
      under_test,
    );
  });
}

/** Confirms a load at once. */
const confirm = (load: Load): boolean => {
  if (load.kind !== "refused") load.confirmed?.();
  return true;
};

Deno.test("a tick, an array and NDJSON are accepted, with how many", async () => {
  const loads: Load[] = [];
  await withApp({}, (load) => loads.push(load) > 0 && confirm(load), async (app) => {
    for (
      const [type, body, accepted] of [
        ["application/json", JSON.stringify(GOOD), 1],
        ["application/json; charset=utf-8", JSON.stringify([GOOD, GOOD]), 2],
        ["application/x-ndjson", `${JSON.stringify(GOOD)}\r\n\n${JSON.stringify(GOOD)}\n`, 2],
        ["application/json", "[]", 0],
      ] as const
    ) {
      const response = await app.request("/ticks", {
        method: "POST",
        headers: { "content-type": type },
        body,
      });
      strictEqual(response.status, 202);
      deepStrictEqual(await response.json(), { accepted });
    }
    deepStrictEqual(loads.map((load) => load.kind === "ticks" && load.ticks.length), [1, 2, 2]);
  });
});

Deno.test("each bad tick is named with its place and reason, the good ones are stored", async () => {
  const loads: Load[] = [];
  await withApp({}, (load) => loads.push(load) > 0 && confirm(load), async (app) => {
    const body = [
      JSON.stringify(GOOD),
      "{",
      JSON.stringify({ ...GOOD, price: 0 }),
      JSON.stringify(GOOD),
      JSON.stringify({ ...GOOD, timestamp: undefined }),
    ].join("\n");
    const response = await app.request("/ticks", {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body,
    });
    strictEqual(response.status, 400);
    const answer = await response.json();
    strictEqual(answer.accepted, 2);
    deepStrictEqual(
      answer.refused.map((each: { index: number; reason: string }) => [each.index, each.reason]),
      [[1, "not_json"], [2, "price_invalid"], [4, "timestamp_invalid"]],
    );
    match(answer.refused[2].message, /timestamp must be whole milliseconds.*absent/);
    const [load] = loads;
    ok(load?.kind === "ticks" && load.ticks.length === 2);
  });
});

Deno.test("an answer names a bounded number of bad ticks, and counts all", async () => {
  await withApp({ request_ticks_max: 1_000, body_bytes_max: 100_000 }, confirm, async (app) => {
    const response = await app.request("/ticks", {
      method: "POST",
      headers: JSON_TYPE,
      body: JSON.stringify(Array(500).fill({ ...GOOD, volume: -1 })),
    });
    const answer = await response.json();
    deepStrictEqual([answer.accepted, answer.refused.length, answer.refused_count], [0, 100, 500]);
  });
});

Deno.test("too much at once is 413: by declared length, by what comes, by ticks", async () => {
  await withApp({}, confirm, async (app) => {
    const long = "x".repeat(10_001);
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode(long));
      },
    });
    for (
      const init of [
        { headers: { ...JSON_TYPE, "content-length": "10001" }, body: long },
        { headers: JSON_TYPE, body: stream },
        { headers: { "content-type": "application/jsonl" }, body: "1\n".repeat(101) },
      ]
    ) {
      const response = await app.request("/ticks", { method: "POST", ...init });
      strictEqual(response.status, 413);
      await response.body?.cancel();
    }
  });
});

Deno.test("other content types are 415, other places 404", async () => {
  await withApp({}, confirm, async (app) => {
    for (const headers of [{}, { "content-type": "text/csv" }, { "content-type": "text/json" }]) {
      strictEqual(
        (await app.request("/ticks", { method: "POST", headers, body: "1" })).status,
        415,
      );
    }
    strictEqual((await app.request("/ticks")).status, 404);
    strictEqual((await app.request("/")).status, 404);
  });
});

Deno.test("without room it is 429 with Retry-After, counted, and nothing is taken", async () => {
  await withApp({}, () => false, async (app, under_test) => {
    const response = await app.request("/ticks", {
      method: "POST",
      headers: JSON_TYPE,
      body: JSON.stringify([GOOD, GOOD]),
    });
    strictEqual(response.status, 429);
    ok(Number(response.headers.get("retry-after")) > 0);
    strictEqual(await under_test.metric("discarded", { reason: "queue_full" }), 2);
  });
});

Deno.test("when Kafka does not answer in time it is 503, and says what is not known", async () => {
  await withApp({ confirm_deadline_ms: 30 }, () => true, async (app) => {
    const response = await app.request("/ticks", {
      method: "POST",
      headers: JSON_TYPE,
      body: JSON.stringify(GOOD),
    });
    strictEqual(response.status, 503);
    match((await response.json()).error, /outcome is unknown.*store it twice/);
  });
});

Deno.test("what goes wrong in the door itself is a 500, counted and logged", async () => {
  await withSource("http", {}, async ({ context, log, metric }) => {
    context.door.admit = () => {
      throw new Error("a fault of ours");
    };
    const { url } = log.map((text) => JSON.parse(text)).find((each) => each.door === "http");
    const response = await fetch(`${url}/ticks`, {
      method: "POST",
      headers: JSON_TYPE,
      body: JSON.stringify(GOOD),
    });
    strictEqual(response.status, 500);
    match((await response.json()).error, /the log says why/);
    strictEqual(await metric("errors", { kind: "http_request" }), 1);
    const told = log.map((text) => JSON.parse(text)).find(({ event }) =>
      event === "request_failed"
    );
    deepStrictEqual([told?.level, told?.error], ["error", "a fault of ours"]);
  });
});

Deno.test("where a token is set, nothing goes without it", async () => {
  await withApp({ token: "s3cret" }, confirm, async (app) => {
    const status = async (authorization?: string): Promise<number> =>
      (await app.request("/ticks", {
        method: "POST",
        headers: { ...JSON_TYPE, ...(authorization === undefined ? {} : { authorization }) },
        body: JSON.stringify(GOOD),
      })).status;
    for (
      const wrong of [undefined, "", "Bearer", "Bearer s3cre", "Bearer s3crett", "Basic s3cret"]
    ) {
      strictEqual(await status(wrong), 401, String(wrong));
    }
    strictEqual(await status("Bearer s3cret"), 202);
    strictEqual((await app.request("/markers", { method: "POST" })).status, 401);
  });
});

Deno.test("a caller can say what event time it has reached, and never that it has ended", async () => {
  const loads: Load[] = [];
  const take = (load: Load): boolean => loads.push(load) > 0 && confirm(load);
  await withApp({ now: () => 2_000_000_000_000 }, take, async (app) => {
    const send = async (body: unknown): Promise<Response> =>
      await app.request("/markers", {
        method: "POST",
        headers: JSON_TYPE,
        body: JSON.stringify(body),
      });
    const mark = async (body: unknown): Promise<number> => (await send(body)).status;
    strictEqual(await mark({ event_time: 1_700_000_000_000 }), 202);
    const answer = await send({ ended: true });
    strictEqual(answer.status, 400);
    match((await answer.json()).error, /never ends.*send \{"event_time": ms\}/);
    deepStrictEqual(
      loads.map((load) => load.kind === "marker" && [load.source, load.event_time, load.ended]),
      [["http", 1_700_000_000_000, false]],
    );
    for (
      const bad of [
        {},
        [],
        null,
        { event_time: 1_700_000_000_000, ended: true },
        { ended: false },
        { ended: "true" },
        { event_time: "now" },
        { event_time: 1.5 },
        { event_time: 2_000_000_060_001 },
        { event_time: 1e300 },
      ]
    ) strictEqual(await mark(bad), 400, JSON.stringify(bad));
    strictEqual(loads.length, 1);
  });
});
