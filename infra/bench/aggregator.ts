/**
 * Ticks into one-minute candles: our aggregator, exactly once and with all its telemetry, beside what
 * else is used for it. Everyone reads the same topic of the same broker from its beginning to its end.
 */
import type { TestServers } from "../local/test_servers.ts";
import { startService } from "../testing/test_service.ts";
import { createKafka, ensureTopics } from "../../runtime/kafka.ts";
import { makeTopics, testKafka, type TestTopics } from "../../services/sink/sink_test_data.ts";
import type { Benchmark, BenchmarkContext, Outcome, Run, Subject } from "./benchmark.ts";
import { inTurns } from "./benchmark.ts";
import { type Candles, compareCandles, readCandles } from "./candle_topic.ts";
import { untilCommitted } from "./group_progress.ts";
import { kafkaStreams } from "./peers/kafka_streams.ts";
import { faust } from "./peers/faust.ts";
import type { Peer } from "./peers/peer.ts";
import { pyflink } from "./peers/pyflink.ts";
import { quix } from "./peers/quix.ts";
import { followCpu } from "./process_cpu.ts";
import { scrapeAll } from "./scrape.ts";
import { fillTopic, type TickShape } from "./tick_topic.ts";
import { withTracedServers } from "./traced_servers.ts";

const PARTITIONS = 3;
/** Six million ticks, so that a JVM is warm. */
const SHAPE: TickShape = { ticks: 6_000_000, symbols: 50, step_ms: 1 };
const RUN_DEADLINE_MS = 900_000;
/** From here on a subject is warm: its rate is that of the rest. */
const WARM_SHARE = 1 / 6;

/** A topic full of ticks, and the topics that are written from it. */
export interface AggregatorInput {
  servers: TestServers;
  topics: TestTopics;
  ticks: number;
  partitions: number;
}

/** What is running while it is measured. */
export interface Running {
  pid: number;
  stop(): Promise<unknown>;
}

/**
 * Runs one subject over a full topic, and says what it took: in all, and once it was warm.
 *
 * @param input The topic.
 * @param process What its CPU time is told by.
 * @param group Its consumer group.
 * @param output_topic Where its candles are.
 * @param start Starts it.
 */
export async function measureGroup(
  { servers, topics, ticks }: AggregatorInput,
  process: string,
  group: string,
  output_topic: string,
  start: () => Running,
): Promise<{ run: Omit<Run, "subject" | "round">; candles: Candles }> {
  const started_at_ms = performance.now();
  const running = start();
  const cpu = followCpu({ [process]: running.pid, kafka: servers.kafka.process().pid });
  try {
    let warm: { at_ms: number; committed: number; cpu_seconds: number } | null = null;
    await untilCommitted({
      bootstrap: servers.bootstrap,
      group,
      topic: topics.ticks,
      end: ticks,
      deadline_ms: RUN_DEADLINE_MS,
      onStep(committed) {
        if (warm !== null || committed < ticks * WARM_SHARE) return;
        warm = { at_ms: performance.now(), committed, cpu_seconds: cpu.seconds()[process]! };
      },
    });
    const ended_at_ms = performance.now();
    const cpu_seconds = cpu.seconds();
    const { at_ms, committed, cpu_seconds: cpu_before } = warm!;
    const warm_ticks = ticks - committed;
    const run = {
      work: ticks,
      wall_seconds: (ended_at_ms - started_at_ms) / 1_000,
      cpu_seconds,
      figures: {
        warm_ticks_per_s: warm_ticks / ((ended_at_ms - at_ms) / 1_000),
        warm_cpu_seconds_per_million: (cpu_seconds[process]! - cpu_before) / warm_ticks * 1e6,
        memory_bytes_max: cpu.memory_bytes_max()[process]!,
      },
    };
    await running.stop();
    const candles = await readCandles(servers.bootstrap, output_topic);
    const figures = { ...run.figures, candles_written: candles.written };
    return { run: { ...run, figures }, candles };
  } finally {
    cpu.stop();
    await running.stop();
  }
}

/**
 * Our aggregator as a subject.
 *
 * @param input What it reads.
 * @param name What it is told by.
 * @param environment Settings of its own.
 * @param judge Holds its candles against others'.
 * @param deno_options Options of `deno run` beside its own.
 */
export function tapeline(
  input: AggregatorInput,
  name: string,
  environment: { [variable: string]: string },
  judge: (candles: Candles) => Run["compared"] | undefined,
  deno_options: readonly string[] = [],
): Subject {
  return {
    name,
    async run(run_name) {
      const { servers, topics } = input;
      const own = await makeTopics(servers.bootstrap, run_name, input.partitions);
      const group = `${run_name}-aggregator`;
      let stopScraping = (): void => {};
      const { run, candles } = await measureGroup(input, "aggregator", group, own.candles, () => {
        const service = startService("aggregator", {
          KAFKA_BOOTSTRAP_SERVERS: servers.bootstrap,
          KAFKA_TOPIC: topics.ticks,
          TAPELINE_CANDLE_TOPIC: own.candles,
          TAPELINE_DEAD_LETTER_TOPIC: own.dead_letters,
          TAPELINE_AGGREGATOR_GROUP: group,
          TAPELINE_CANDLE_INTERVALS: "1m",
          ...environment,
        }, deno_options);
        stopScraping = scrapeAll([service]);
        return {
          pid: service.pid,
          stop() {
            stopScraping();
            return service.stop();
          },
        };
      });
      const compared = judge(candles);
      return compared === undefined ? run : { ...run, compared };
    },
  };
}

/**
 * Runs something with a topic full of ticks.
 *
 * @param shape What ticks.
 * @param context Who is told.
 * @param use What to do with it.
 */
export async function withFullTopic<Result>(
  shape: TickShape,
  context: BenchmarkContext,
  use: (input: AggregatorInput, trace_endpoint: string) => Promise<Result>,
): Promise<Result> {
  return await withTracedServers({ kafka: true }, context, async (servers, trace_endpoint) => {
    const topics = await makeTopics(servers.bootstrap, "input");
    context.tell(`filling a topic with ${shape.ticks.toLocaleString("en")} ticks`);
    await fillTopic(servers.bootstrap, topics.ticks, PARTITIONS, shape);
    const input = { servers, topics, ticks: shape.ticks, partitions: PARTITIONS };
    return await use(input, trace_endpoint);
  });
}

/** A peer as a subject: with the same topic, and a topic of its own for its candles. */
export function peerSubject(
  input: AggregatorInput,
  peer: Peer,
  judge: (candles: Candles) => Run["compared"],
): Subject {
  return {
    name: peer.name,
    async run(run_name) {
      const { bootstrap, data_dir } = input.servers;
      const output_topic = `${run_name}-candles`;
      const dir = `${data_dir}/${run_name}`;
      await Deno.mkdir(dir);
      // Kept for ever: the candles' records may carry the ticks' event times, which are years old.
      const settings = { "cleanup.policy": "delete", "retention.ms": "-1" };
      await ensureTopics(createKafka(testKafka(bootstrap)), [
        { topic: output_topic, partitions: PARTITIONS, settings },
      ]);
      const { run, candles } = await measureGroup(
        input,
        "peer",
        run_name,
        output_topic,
        () =>
          peer.start({
            bootstrap,
            input_topic: input.topics.ticks,
            output_topic,
            group: run_name,
            guarantee: "exactly_once",
            dir,
          }),
      );
      return { ...run, compared: judge(candles)! };
    },
  };
}

/** Holds all candles against the first, which are ours. */
function firstJudges(): (candles: Candles) => Run["compared"] {
  let ours: Candles | null = null;
  return (candles) => compareCandles(ours ??= candles, candles);
}

/**
 * Holds our aggregator against peers.
 *
 * @param name Of the benchmark.
 * @param shape What ticks.
 * @param peers Beside whom.
 */
function besidePeers(name: string, shape: TickShape, peers: readonly Peer[]): Benchmark {
  return {
    name,
    async run(context): Promise<Outcome> {
      for (const peer of peers) await peer.install(context.tell, context.stopping);
      return await withFullTopic(shape, context, async (input, trace_endpoint) => {
        const judge = firstJudges();
        const subjects = [
          tapeline(
            input,
            "tapeline",
            { ...FLUSHES, TAPELINE_TRACE_ENDPOINT: trace_endpoint },
            judge,
          ),
          ...peers.map((peer) => peerSubject(input, peer, judge)),
        ];
        return {
          versions: Object.fromEntries(peers.map((peer) => [peer.name, peer.version])),
          settings: {
            tapeline: OUR_SETTINGS,
            ...Object.fromEntries(peers.map((peer) => [peer.name, peer.settings])),
          },
          runs: await inTurns(subjects, context),
        };
      });
    },
  };
}

const AT_LEAST_ONCE = new URL("at_least_once.ts", import.meta.url).pathname;

/** As often as Kafka Streams commits by default: no more rarely, though the ticks are minutes old. */
export const FLUSHES = { TAPELINE_FLUSH_INTERVAL_MAX_MS: "100" };
/** How the report tells of it. */
export const FLUSHES_TOLD =
  "TAPELINE_FLUSH_INTERVAL_MAX_MS=100: a transaction every 100 ms, as Kafka Streams has by default; " +
  "by default ours are rarer while it is behind, and cost less";
const OUR_SETTINGS = [
  FLUSHES_TOLD,
  "one-minute windows, as the peers have; all else by default; metrics scraped every 5 s, 1 % of " +
  "the traces",
];

/** Our aggregator against itself without transactions. */
export const GUARANTEE: Benchmark = {
  name: "guarantee",
  async run(context): Promise<Outcome> {
    return await withFullTopic(SHAPE, context, async (input, trace_endpoint) => {
      const judge = firstJudges();
      const environment = { ...FLUSHES, TAPELINE_TRACE_ENDPOINT: trace_endpoint };
      const subjects = [
        tapeline(input, "exactly once", environment, judge),
        tapeline(input, "at least once", environment, judge, [`--preload=${AT_LEAST_ONCE}`]),
      ];
      const settings = {
        "exactly once": OUR_SETTINGS,
        "at least once": ["the same, its transactions taken out of kafkajs"],
      };
      return { settings, runs: await inTurns(subjects, context) };
    });
  },
};

/** Beside those whose windows run on the JVM: six million ticks, so that it is warm. */
export const AGGREGATOR: Benchmark = besidePeers("aggregator", SHAPE, [kafkaStreams, pyflink]);

/** Beside those whose windows run in Python, who would take ten minutes for as many. */
export const AGGREGATOR_PYTHON: Benchmark = besidePeers(
  "aggregator-python",
  { ...SHAPE, ticks: 1_000_000 },
  [quix, faust],
);
