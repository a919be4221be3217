/** One trace: a tick posted with a sampled traceparent is followed in a real Jaeger to its row. */
import assert from "node:assert/strict";
import { PIPELINE, SERVICE_NAMES } from "../../contract/pipeline.ts";
import { TRACE_EDGES, type TracedSpan } from "../../contract/trace_edges.ts";
import { DEFAULT_TOPIC_NAMES } from "../../contract/topics.ts";
import { withDatabase } from "../../services/sink/sink_test_data.ts";
import { withTestDirectory } from "../local/test_servers.ts";
import { eventually, runStart } from "../local/test_start.ts";
import { type FoundSpan, spansOfService, spansOfTrace } from "./jaeger_spans.ts";

/** Jaeger and Prometheus are built where that has not been done yet. */
const BUILD_DEADLINE_MS = 15 * 60_000;
const ARRIVE_DEADLINE_MS = 30_000;

/** Ids of a caller's trace. */
function newCaller(): { trace_id: string; span_id: string } {
  const hex = (bytes: number): string =>
    [...crypto.getRandomValues(new Uint8Array(bytes))]
      .map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { trace_id: hex(16), span_id: hex(8) };
}

async function post(
  url: string,
  symbol: string,
  caller: { trace_id: string; span_id: string } | null,
  flags = "01",
): Promise<void> {
  const response = await fetch(`${url}/ticks`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(caller && { traceparent: `00-${caller.trace_id}-${caller.span_id}-${flags}` }),
    },
    body: JSON.stringify({ symbol, price: 1, volume: 1, timestamp: Date.now() }),
    signal: AbortSignal.timeout(10_000),
  });
  assert.equal(response.status, 202, await response.text());
}

const nameOf = ({ operation, topic }: TracedSpan): string =>
  topic === undefined ? operation : `${operation} ${DEFAULT_TOPIC_NAMES[topic]}`;

/** The edges of the list that can't be found among some spans, from a caller's span on. */
function missingEdges(
  spans: readonly FoundSpan[],
  caller: { trace_id: string; span_id: string },
): string[] {
  const missing: string[] = [];
  /** By name, the ids of the spans that were reached from the caller. */
  const reached = new Map<string, Set<string>>();
  for (const { span, parent } of TRACE_EDGES) {
    const key = `${span.service} ${nameOf(span)}`;
    const from = parent === null
      ? new Set([caller.span_id])
      : reached.get(`${parent.service} ${nameOf(parent)}`) ?? new Set<string>();
    const found = spans.filter((candidate) =>
      candidate.service === span.service && candidate.name === nameOf(span) &&
      candidate.references.some(({ span_id }) => from.has(span_id))
    );
    if (found.length === 0) {
      missing.push(`${parent === null ? "caller" : nameOf(parent)} → ${key}`);
    }
    reached.set(key, new Set([...reached.get(key) ?? [], ...found.map(({ span_id }) => span_id)]));
  }
  return missing;
}

async function traceIds(database_url: string, symbol: string): Promise<(string | null)[]> {
  return await withDatabase(database_url, async ({ sql }) => {
    const rows = await sql<{ trace_id: string | null }[]>`
      SELECT trace_id FROM ticks WHERE symbol = ${symbol}`;
    return rows.map(({ trace_id }) => trace_id);
  });
}

Deno.test("a tick is followed from its caller to its row, and an exemplar leads there", async (test) => {
  await withTestDirectory(async (data_dir) => {
    await using stack = runStart(data_dir, ["--source", "http", "--traces"], {
      TAPELINE_OBSERVE: "true",
      // What is sampled here is what a caller has sampled.
      TAPELINE_TRACE_SAMPLE_RATIO: "0",
    });
    await stack.says("Tapeline runs");
    await stack.says("jaeger runs", BUILD_DEADLINE_MS);
    await stack.says("prometheus runs", BUILD_DEADLINE_MS);
    const { jaeger, prometheus, postgres, producer_http } = await stack.endpoints();

    await test.step("every edge from the caller to both COMMITs", async () => {
      const caller = newCaller();
      await post(producer_http!, "TRACED", caller);
      let missing: string[] = [];
      await eventually(
        async () => {
          missing = missingEdges(await spansOfTrace(jaeger!, caller.trace_id), caller);
          return missing.length === 0;
        },
        ARRIVE_DEADLINE_MS,
        () => `These edges are missing:\n${missing.join("\n")}`,
      );
      assert.deepEqual(await traceIds(postgres!, "TRACED"), [caller.trace_id]);
    });

    await test.step("callers of one batch: each is a parent of its spans or linked with them", async () => {
      const callers = Array.from({ length: 20 }, newCaller);
      await Promise.all(callers.map((caller) => post(producer_http!, "LINKED", caller)));
      let lost: string[] = [];
      await eventually(
        async () => {
          // A trace whose batch belongs to another is known by its producer alone.
          const spans = (await Promise.all(
            PIPELINE.map(({ name }) => spansOfService(jaeger!, name)),
          )).flat();
          lost = callers.flatMap((caller) =>
            missingEdges(spans, caller).map((edge) => `${caller.trace_id}: ${edge}`)
          );
          return lost.length === 0;
        },
        ARRIVE_DEADLINE_MS,
        () => `These edges are missing:\n${lost.join("\n")}`,
      );
      const linked = (await spansOfService(jaeger!, "sink")).filter(({ references }) =>
        references.some(({ kind }) => kind === "FOLLOWS_FROM")
      );
      assert.ok(linked.length > 0, "no two of 20 callers at once came in one batch");
      assert.deepEqual(
        new Set(await traceIds(postgres!, "LINKED")),
        new Set(callers.map(({ trace_id }) => trace_id)),
      );
    });

    await test.step("who is not sampled has no trace", async () => {
      const caller = newCaller();
      await post(producer_http!, "UNTRACED", caller, "00");
      await post(producer_http!, "UNTRACED", null);
      await eventually(
        async () => (await traceIds(postgres!, "UNTRACED")).length === 2,
        ARRIVE_DEADLINE_MS,
        () => "the ticks have not come",
      );
      assert.deepEqual(await traceIds(postgres!, "UNTRACED"), [null, null]);
      assert.deepEqual(await spansOfTrace(jaeger!, caller.trace_id), []);
    });

    await test.step("an exemplar of the age of rows leads to a trace with the database in it", async () => {
      let exemplars: { labels: { trace_id: string } }[] = [];
      const caller = newCaller();
      await eventually(
        async () => {
          // Each eighth offset is observed.
          for (let tick = 0; tick < 10; tick++) await post(producer_http!, "EXEMPLAR", caller);
          const now_s = Date.now() / 1_000;
          const query = "tapeline_sink_tick_age_seconds_bucket";
          const response = await fetch(
            `${prometheus}/api/v1/query_exemplars?query=${query}&start=${now_s - 300}&end=${now_s}`,
            { signal: AbortSignal.timeout(5_000) },
          );
          const { data } = await response.json();
          exemplars = data.flatMap((series: { exemplars: unknown[] }) => series.exemplars);
          return exemplars.length > 0;
        },
        ARRIVE_DEADLINE_MS,
        () => "Prometheus has no exemplar",
      );
      const { trace_id } = exemplars[0]!.labels;
      const spans = await spansOfTrace(jaeger!, trace_id);
      const copies = spans.filter(({ service, name, tags }) =>
        service === "sink" && name === "COPY ticks" && tags["db.system.name"] === "postgresql"
      );
      assert.ok(copies.length > 0, `trace ${trace_id} has ${spans.map(({ name }) => name)}`);
    });

    await test.step("every service says that its spans arrive", async () => {
      const query = 'tapeline_instrumentation_arrives{part="spans"} == 1';
      await eventually(
        async () => {
          const response = await fetch(
            `${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`,
            { signal: AbortSignal.timeout(5_000) },
          );
          return (await response.json()).data.result.length === SERVICE_NAMES.length;
        },
        ARRIVE_DEADLINE_MS,
        () => "not every service's spans arrive",
      );
    });
    stack.signal("SIGTERM");
    assert.equal((await stack.ended()).code, 0, stack.output());
  });
});
