/**
 * From a source into Kafka: our producer, which reads a file, judges each line and keeps its ledger,
 * with all its telemetry, beside bare loops that only send. Everyone fills a topic of three
 * partitions of one broker with the same ticks (Kafka's own tool with records of the same size).
 */
import { makeTopics } from "../../services/sink/sink_test_data.ts";
import { installKafka } from "../local/kafka_install.ts";
import type { TestServers } from "../local/test_servers.ts";
import { startService } from "../testing/test_service.ts";
import type { Benchmark, BenchmarkContext, Outcome, Run, Subject } from "./benchmark.ts";
import { inTurns } from "./benchmark.ts";
import { loopCommand, startChild } from "./child.ts";
import { followCpu } from "./process_cpu.ts";
import { scrapeAll } from "./scrape.ts";
import { writeTicks } from "./tick_file.ts";
import { makeTicks, type TickShape } from "./tick_topic.ts";
import { type Step, whileFilled } from "./topic_progress.ts";
import { withTracedServers } from "./traced_servers.ts";

const RUN_DEADLINE_MS = 300_000;
/** From here on a subject is warm: its rate is that of the rest. */
const WARM_SHARE = 1 / 6;
/** One send of the loops holds as many ticks as one of ours. */
const LOOP_BATCH = 2_000;

const PERF_TEST_SETTINGS = [
  "acks=all",
  "enable.idempotence=true",
  "batch.size=200000",
  "linger.ms=10",
  "buffer.memory=134217728",
];

/** What is running, and ends by itself. */
interface Filling {
  pid: number;
  ended: Promise<unknown>;
  kill(): Promise<void>;
}

/** Runs one who fills a topic, and says what it took: in all, and once it was warm. */
async function measureFilling(
  { bootstrap, kafka }: TestServers,
  ticks: number,
  process: string,
  topic: string,
  start: () => Filling,
): Promise<Omit<Run, "subject" | "round">> {
  const started_at_ms = performance.now();
  const filling = start();
  const cpu = followCpu({ [process]: filling.pid, kafka: kafka.process().pid });
  try {
    const steps: (Step & { cpu_seconds: { [process: string]: number } })[] = [];
    await whileFilled(bootstrap, topic, filling.ended, (step) => {
      steps.push({ ...step, cpu_seconds: cpu.seconds() });
    });
    const [first, end] = [steps[0], steps.at(-1)];
    if (first === undefined || end === undefined) {
      throw new Error(`The ${process} ended and ${topic} is empty`);
    }
    if (end.records < ticks) {
      throw new Error(`The ${process} ended with ${end.records} of ${ticks} records in ${topic}`);
    }
    const from = steps.find(({ records }) => records >= ticks * WARM_SHARE)!;
    // Our markers are records too, a few in ten thousand, and count for nothing.
    const warm_ticks = (end.records - from.records) * ticks / end.records;
    return {
      work: ticks,
      wall_seconds: (performance.now() - started_at_ms) / 1_000,
      cpu_seconds: end.cpu_seconds,
      figures: {
        sending_seconds: (end.at_ms - first.at_ms) / 1_000,
        warm_ticks_per_s: warm_ticks / ((end.at_ms - from.at_ms) / 1_000),
        warm_cpu_seconds_per_million: (end.cpu_seconds[process]! - from.cpu_seconds[process]!) /
          warm_ticks * 1e6,
      },
    };
  } finally {
    cpu.stop();
    await filling.kill();
  }
}

function tapeline(
  servers: TestServers,
  ticks: number,
  path: string,
  trace_endpoint: string,
): Subject {
  return {
    name: "tapeline",
    async run(run_name) {
      const topics = await makeTopics(servers.bootstrap, run_name);
      let stopScraping = (): void => {};
      try {
        return await measureFilling(servers, ticks, "producer", topics.ticks, () => {
          const service = startService("producer", {
            KAFKA_BOOTSTRAP_SERVERS: servers.bootstrap,
            KAFKA_TOPIC: topics.ticks,
            TAPELINE_DEAD_LETTER_TOPIC: topics.dead_letters,
            TAPELINE_SOURCE: "replay",
            TAPELINE_REPLAY_FILE: path,
            TAPELINE_REPLAY_SPEED: "max",
            TAPELINE_TRACE_ENDPOINT: trace_endpoint,
          });
          stopScraping = scrapeAll([service]);
          return { pid: service.pid, ended: service.over, kill: () => service.kill() };
        });
      } finally {
        stopScraping();
      }
    },
  };
}

/** A program that fills the topic that it is given. */
function program(
  servers: TestServers,
  ticks: number,
  name: string,
  process: string,
  command: (topic: string) => string[],
): Subject {
  return {
    name,
    async run(run_name) {
      const { ticks: topic } = await makeTopics(servers.bootstrap, run_name);
      return await measureFilling(servers, ticks, process, topic, () => {
        const child = startChild(command(topic), `Filling ${topic}`);
        return { pid: child.pid, ended: child.ended(RUN_DEADLINE_MS), kill: () => child.kill() };
      });
    },
  };
}

/** Mean size of a tick's record: its key and its JSON, as our producer writes them. */
function meanRecordBytes(shape: TickShape, source: string): number {
  let bytes = 0;
  let counted = 0;
  for (const tick of makeTicks({ ...shape, ticks: Math.min(shape.ticks, 100_000) })) {
    bytes += tick.symbol.length + JSON.stringify({ ...tick, source }).length;
    counted++;
  }
  return Math.round(bytes / counted);
}

/**
 * Runs the benchmark.
 *
 * @param shape What ticks.
 */
export async function benchProducer(shape: TickShape, context: BenchmarkContext): Promise<Outcome> {
  return await withTracedServers({ kafka: true }, context, async (servers, trace_endpoint) => {
    const { tell, stopping } = context;
    const path = `${servers.data_dir}/ticks.csv`;
    await writeTicks(path, shape);
    const { java, jars_dir } = await installKafka(tell, stopping);
    const record_bytes = meanRecordBytes(shape, "replay/ticks.csv");
    const loop = (name: string, producers: number): Subject =>
      program(servers, shape.ticks, name, "loop", (topic) =>
        loopCommand(
          "peers/kafkajs_loop.ts",
          servers.bootstrap,
          [path],
          [topic, path, String(producers), String(LOOP_BATCH)],
        ));
    const subjects = [
      tapeline(servers, shape.ticks, path, trace_endpoint),
      loop("bare kafkajs loop", 1),
      loop("bare kafkajs loop, 3 producers", 3),
      program(servers, shape.ticks, "kafka-producer-perf-test", "perf-test", (topic) => [
        java,
        ...["-Xms512m", "-Xmx512m", "-cp", `${jars_dir}/*`],
        "org.apache.kafka.tools.ProducerPerformance",
        ...["--bootstrap-server", servers.bootstrap, "--topic", topic],
        ...["--num-records", String(shape.ticks), "--record-size", String(record_bytes)],
        ...["--throughput", "-1", "--command-property", ...PERF_TEST_SETTINGS],
      ]),
    ];
    const loop_settings = [
      `kafkajs as npm has it, idempotent, acks=all, one send of ${LOOP_BATCH} ticks under way`,
      "the file's columns are in memory before the first send; each tick's JSON is made in the loop",
    ];
    return {
      settings: {
        tapeline: [
          `replay of ${shape.ticks} ticks of ${shape.symbols} symbols at full speed: reads, judges, ` +
          "counts for the ledger; metrics scraped every 5 s, 1 % of the traces",
        ],
        "bare kafkajs loop": loop_settings,
        "bare kafkajs loop, 3 producers": loop_settings,
        "kafka-producer-perf-test": [
          ...PERF_TEST_SETTINGS,
          `records of ${record_bytes} bytes, the mean of ours`,
        ],
      },
      runs: await inTurns(subjects, context),
    };
  });
}

export const PRODUCER: Benchmark = {
  name: "producer",
  run: (context) => benchProducer({ ticks: 2_000_000, symbols: 50, step_ms: 1 }, context),
};
