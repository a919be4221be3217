/** For tests: a figure of each service as Prometheus has it, against an independent count. */
import assert from "node:assert/strict";
import { DEFAULT_TOPIC_NAMES } from "../../contract/topics.ts";
import { createKafka } from "../../runtime/kafka.ts";
import { createLogger } from "../../runtime/log.ts";
import { METRICS as AGGREGATOR } from "../../services/aggregator/metrics.ts";
import { METRICS as LEDGER } from "../../services/ledger/metrics.ts";
import { METRICS as PRODUCER } from "../../services/producer/metrics.ts";
import { METRICS as SINK } from "../../services/sink/metrics.ts";
import { withDatabase } from "../../services/sink/sink_test_data.ts";
import { BROKER_METRICS } from "../kafka/metrics.ts";
import { eventually } from "./test_start.ts";
import { query } from "./test_prometheus.ts";

const TOLERANCE = 0.02;
/** What is under way at a scrape must be little beside what there is. */
const COUNT_MIN = 10_000;
const DEADLINE_MS = 90_000;

/** Where the stack is. */
export interface StackUrls {
  prometheus: string;
  postgres: string;
  kafka: string;
}

/** A counter's last sample, and when it was taken: from then on, for as long as a scrape takes. */
async function lastSample(
  prometheus: string,
  selector: string,
): Promise<{ value: number; at_ms: number; scrape_ms: number } | null> {
  // A range has its samples with the time at which each was taken.
  const [found] = await query(prometheus, `${selector}[30s]`) as unknown as {
    metric: { job: string };
    values: [number, string][];
  }[];
  const last = found?.values.at(-1);
  if (last === undefined) return null;
  const longest = `max_over_time(scrape_duration_seconds{job="${found!.metric.job}"}[30s])`;
  const [scrape] = await query(prometheus, longest);
  return {
    value: Number(last[1]),
    at_ms: Math.round(last[0] * 1_000),
    scrape_ms: Math.ceil(Number(scrape!.value[1]) * 1_000),
  };
}

/** Holds each figure against its count; none of the services may have been started again. */
export async function figuresAreTrue(urls: StackUrls): Promise<void> {
  const sent = `${PRODUCER.sent.name}{service="producer",to="ticks"}`;
  await eventually(
    async () => ((await lastSample(urls.prometheus, sent))?.value ?? 0) >= COUNT_MIN,
    DEADLINE_MS,
    () => `the producer has not sent ${COUNT_MIN} ticks`,
  );
  const inKafka = (at_ms: number) => kafkaCount(urls.kafka, at_ms);
  const stored = (at_ms: number) => rowsUntil(urls.postgres, at_ms);
  const counts: [figure: string, selector: string, count: (at_ms: number) => Promise<number>][] = [
    ["producer", sent, stored],
    ["aggregator", `${AGGREGATOR.received.name}{service="aggregator",from="ticks"}`, inKafka],
    ["sink", `${SINK.rows_stored.name}{table="ticks"}`, stored],
    ["broker", `${BROKER_METRICS.messages_in.name}{topic="${DEFAULT_TOPIC_NAMES.ticks}"}`, inKafka],
  ];
  for (const [figure, selector, count] of counts) {
    const { value, at_ms, scrape_ms } = (await lastSample(urls.prometheus, selector))!;
    const counted = await count(at_ms);
    const counted_later = await count(at_ms + scrape_ms);
    assert.ok(counted > COUNT_MIN / 2, `only ${counted} are there to be counted`);
    assert.ok(
      value >= counted * (1 - TOLERANCE) && value <= counted_later * (1 + TOLERANCE),
      `${figure} shows ${value}, and there are ${counted}, ${counted_later} after the scrape`,
    );
  }
}

/**
 * What the ledger has judged, against the rows of those minutes and what came between the ticks.
 *
 * @param no_ticks_at_ms When records were sent to the topic that are no ticks.
 */
export async function judgedTicksAreTrue(
  { prometheus, postgres }: StackUrls,
  no_ticks_at_ms: readonly number[],
): Promise<void> {
  let judged = 0;
  await eventually(
    async () => {
      judged = (await lastSample(prometheus, LEDGER.judged.name))?.value ?? 0;
      return judged > 0;
    },
    DEADLINE_MS,
    () => "the ledger has judged no minute",
  );
  const judged_to = (await lastSample(prometheus, LEDGER.judged_to.name))!;
  const until_ms = judged_to.value * 1_000 - 1;
  const counted = await rowsUntil(postgres, until_ms) +
    no_ticks_at_ms.filter((at_ms) => at_ms <= until_ms).length;
  assert.equal(judged, counted, "the ledger has judged other ticks than there are rows");
}

async function rowsUntil(url: string, until_ms: number): Promise<number> {
  return await withDatabase(url, async ({ sql }) => {
    const [row] = await sql<{ rows: number }[]>`
      SELECT count(*)::float8 AS rows FROM ticks
      WHERE ingest_time <= ${new Date(until_ms).toISOString()}`;
    return row!.rows;
  });
}

async function kafkaCount(bootstrap: string, until_ms: number): Promise<number> {
  const log = createLogger("test", "error", () => {});
  const kafka = createKafka({ bootstrap_servers: [bootstrap], client_id: "test", log });
  const admin = kafka.admin();
  await admin.connect();
  // A record's time is that of its ingest.
  const ends = await admin.fetchTopicOffsetsByTimestamp(DEFAULT_TOPIC_NAMES.ticks, until_ms);
  await admin.disconnect();
  return ends.reduce((sum, { offset }) => sum + Number(offset), 0);
}
