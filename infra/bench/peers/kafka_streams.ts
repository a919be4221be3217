/** Kafka Streams by its DSL: the program is in kafka_streams/, its settings are here. */
import { settlesWithin } from "../../local/deadline.ts";
import { findJava } from "../../local/kafka_install.ts";
import { buildKafkaStreams, KAFKA_STREAMS_VERSION } from "./kafka_streams_build.ts";
import type { Peer, PeerRun, RunningPeer } from "./peer.ts";

const MAIN_CLASS = "tapeline.bench.CandleStreams";
const STOP_DEADLINE_MS = 15_000;

/** For both guarantees, so that both publish as often; the default of exactly-once. */
const COMMIT_INTERVAL_MS = 100;
/** A thread for each partition: while one waits for its commit, another has the core. */
const STREAM_THREADS = 3;
const CACHE_MEGABYTES = 64;
const JVM_SETTINGS = ["-Xms1g", "-Xmx1g", "-XX:+UseParallelGC"];

const STREAMS_PAGES = "https://kafka.apache.org/43/streams";
const CONFIG_PAGE = `${STREAMS_PAGES}/developer-guide/config-streams`;

// Deno can't send a child's output to a file; the shell can, and then becomes the peer.
const SHELL = 'log=$1; shift; exec "$@" >"$log" 2>&1';

/** Java, and the class path of the built program; null before the installation. */
let installed: { java: string; class_path: string } | null = null;

/** Kafka Streams, at the version that its pom pins. */
export const kafkaStreams: Peer = {
  name: "Kafka Streams",
  version: KAFKA_STREAMS_VERSION,
  settings: [
    `num.stream.threads ${STREAM_THREADS}, one a partition (${STREAMS_PAGES}/architecture)`,
    `statestore.cache.max.bytes ${CACHE_MEGABYTES} MB: updates of a window are compacted until the ` +
    `commit (${STREAMS_PAGES}/developer-guide/memory-mgmt)`,
    `in-memory window store with its changelog topic, by dsl.store.suppliers.class (${CONFIG_PAGE})`,
    `commit.interval.ms ${COMMIT_INTERVAL_MS}, the default of exactly-once, for at-least-once too ` +
    `(${CONFIG_PAGE})`,
    `JVM: ${JVM_SETTINGS.join(" ")}, the throughput collector ` +
    "(https://docs.oracle.com/en/java/javase/17/gctuning/available-collectors.html); G1 with the " +
    "arguments of https://kafka.apache.org/43/operations/java-version was slower",
    "JSON by Jackson's streaming parser and generator; a window's state is 64 bytes of binary",
  ],
  async install(progress, stopping) {
    const java = await findJava();
    installed = { java, class_path: await buildKafkaStreams(progress, stopping) };
  },
  start(run) {
    if (installed === null) {
      throw new Error(`Cannot start Kafka Streams for ${run.group}: call install() first`);
    }
    const { java, class_path } = installed;
    const properties_path = `${run.dir}/streams.properties`;
    Deno.mkdirSync(run.dir, { recursive: true });
    Deno.writeTextFileSync(properties_path, streamsProperties(run));
    const program = [java, ...JVM_SETTINGS, "-cp", class_path, MAIN_CLASS];
    return startProcess(
      [...program, properties_path, run.input_topic, run.output_topic],
      `${run.dir}/kafka_streams.log`,
    );
  },
};

function streamsProperties({ bootstrap, group, guarantee, dir }: PeerRun): string {
  const settings: { [name: string]: string | number } = {
    // It is the consumer group too.
    "application.id": group,
    "bootstrap.servers": bootstrap,
    "state.dir": `${dir}/state`,
    "auto.offset.reset": "earliest",
    "processing.guarantee": guarantee === "exactly_once" ? "exactly_once_v2" : "at_least_once",
    "commit.interval.ms": COMMIT_INTERVAL_MS,
    "num.stream.threads": STREAM_THREADS,
    "statestore.cache.max.bytes": CACHE_MEGABYTES * 1024 * 1024,
    "dsl.store.suppliers.class":
      "org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$InMemoryDslStoreSuppliers",
  };
  return Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join("");
}

function startProcess(command: readonly string[], log_path: string): RunningPeer {
  const child = new Deno.Command("sh", {
    args: ["-c", SHELL, "sh", log_path, ...command],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const ended = child.status;
  const signalChild = (signal: Deno.Signal): void => {
    try {
      child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  };
  return {
    pid: child.pid,
    async stop() {
      signalChild("SIGTERM");
      if (!await settlesWithin(ended, STOP_DEADLINE_MS)) signalChild("SIGKILL");
      await ended;
    },
  };
}
