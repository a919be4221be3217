/** Apache Kafka on this machine: one node in KRaft mode, broker and controller in one process. */
import { exists, ignoreNotFound, writeAtomically } from "./files.ts";
import { LOOPBACK } from "./free_port.ts";
import { installKafka, type KafkaInstallation } from "./kafka_install.ts";
import { type LocalServer, startLocalServer } from "./local_server.ts";
import { runTool } from "./run_tool.ts";
import type { ServerCommand } from "./server_process.ts";
import type { Progress } from "./start_fault.ts";

const LOG_CONFIG_PATH = new URL("../kafka/log4j2.xml", import.meta.url).pathname;
const METRICS_CONFIG_PATH = new URL("../kafka/jmx_exporter.yml", import.meta.url).pathname;
const READY_DEADLINE_MS = 60_000;
const PROBE_DEADLINE_MS = 500;
/** The servers' share of the 10 s of an ordered stop (services.ts has the whole). */
const STOP_DEADLINE_MS = 3_000;

/** A Kafka server on this machine. */
export interface LocalKafka extends LocalServer {
  /** host:port, as KAFKA_BOOTSTRAP_SERVERS takes it. */
  bootstrap: string;
  /** Where it takes connections for a proxy; another port after each restart, null without one. */
  proxied_port(): number | null;
  /** Where it shows its metrics; another address after each restart, null where it does not. */
  metrics_url(): string | null;
}

/** Where and how to start it. */
export interface KafkaServerOptions {
  /** Holds its data in `kafka/`. */
  data_dir: string;
  /** The port for clients; null takes a free one. */
  port: number | null;
  /** The port of a proxy whose clients are to stay with it: for tests of faults. */
  advertised_port?: number;
  /** Whether it shows its metrics to Prometheus. */
  observed?: boolean;
  progress: Progress;
  /** Ends the fetching of what is not there yet, and the wait until it is ready. */
  stopping: AbortSignal;
}

/**
 * Starts Kafka; fetches and formats it first where that has not been done.
 *
 * @param options Where and how.
 * @returns Once it answers requests.
 * @throws StartFault if Java or Maven is missing, the port is taken, or it does not start.
 */
export async function startKafka(options: KafkaServerOptions): Promise<LocalKafka> {
  const { data_dir, port, advertised_port = null, observed = false, progress, stopping } = options;
  const installation = await installKafka(progress, stopping);
  const kafka_dir = `${data_dir}/kafka`;
  await formatOnce(kafka_dir, installation, stopping);
  const server = await startLocalServer({
    name: "kafka",
    port,
    port_variable: "TAPELINE_KAFKA_PORT",
    // For clients, for its controller, for metrics, for a proxy.
    port_count: advertised_port === null ? 3 : 4,
    ready_deadline_ms: READY_DEADLINE_MS,
    command: (ports) => serverCommand(data_dir, installation, ports, advertised_port, observed),
    isReady: ([client_port]) => answersKafka(LOOPBACK, client_port!),
  }, stopping);
  return {
    ...server,
    bootstrap: `${LOOPBACK}:${server.port}`,
    proxied_port: () => server.ports()[3] ?? null,
    metrics_url: () => observed ? `http://${LOOPBACK}:${server.ports()[2]}` : null,
  };
}

/**
 * The settings of one node for one machine, as server.properties.
 *
 * @param log_dir Where its topics are.
 * @param client_port Port for clients.
 * @param controller_port Port on which it is its own controller.
 * @param proxied One more port for clients, and the port of the proxy before it.
 */
export function serverProperties(
  log_dir: string,
  client_port: number,
  controller_port: number,
  proxied: { port: number; advertised_port: number } | null = null,
): string {
  const listeners = [`PLAINTEXT://${LOOPBACK}:${client_port}`];
  const advertised = [...listeners];
  if (proxied !== null) {
    listeners.push(`PROXIED://${LOOPBACK}:${proxied.port}`);
    advertised.push(`PROXIED://${LOOPBACK}:${proxied.advertised_port}`);
  }
  const settings: { [name: string]: string | number | boolean } = {
    "node.id": 1,
    "process.roles": "broker,controller",
    "controller.quorum.voters": `1@${LOOPBACK}:${controller_port}`,
    "listeners": [...listeners, `CONTROLLER://${LOOPBACK}:${controller_port}`].join(","),
    "advertised.listeners": advertised.join(","),
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "log.dirs": log_dir,
    // One node holds every replica there can be.
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    // Fifty each by default: seconds of a first start, for a handful of groups.
    "offsets.topic.num.partitions": 3,
    "transaction.state.log.num.partitions": 3,
    // A topic that nobody made on purpose is a slip of the pen.
    "auto.create.topics.enable": false,
    // Nobody else is coming: a group may start with its first member.
    "group.initial.rebalance.delay.ms": 0,
    // Tests of failing consumers can't wait for the default of 6 s.
    "group.min.session.timeout.ms": 1_000,
    // A broker that comes back after kill -9 is refused until its old session is over: 9 s by default.
    "broker.session.timeout.ms": 3_000,
    "broker.heartbeat.interval.ms": 500,
    // 128 MB by default, a quarter of the heap.
    "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "num.recovery.threads.per.data.dir": 2,
    "background.threads": 2,
  };
  return Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join("");
}

async function serverCommand(
  data_dir: string,
  installation: KafkaInstallation,
  ports: readonly number[],
  advertised_port: number | null,
  observed: boolean,
): Promise<ServerCommand> {
  const properties_path = `${data_dir}/kafka/server.properties`;
  const [client_port, controller_port, metrics_port, port] = ports;
  const proxied = advertised_port === null ? null : { port: port!, advertised_port };
  await writeAtomically(
    properties_path,
    serverProperties(`${data_dir}/kafka/data`, client_port!, controller_port!, proxied),
  );
  return {
    name: "kafka",
    data_dir,
    command: [
      ...javaCommand(installation),
      ...observed ? [metricsAgent(installation, metrics_port!)] : [],
      "-Xms256m",
      "-Xmx512m",
      "kafka.Kafka",
      properties_path,
    ],
    stop_signal: "SIGTERM",
    stop_deadline_ms: STOP_DEADLINE_MS,
  };
}

/** Loads the JMX exporter into the broker: its figures then need neither RMI nor a process more. */
function metricsAgent({ metrics_agent }: KafkaInstallation, port: number): string {
  return `-javaagent:${metrics_agent}=${LOOPBACK}:${port}:${METRICS_CONFIG_PATH}`;
}

function javaCommand({ java, jars_dir }: KafkaInstallation): string[] {
  return [
    java,
    "-cp",
    `${jars_dir}/*`,
    `-Dlog4j2.configurationFile=${LOG_CONFIG_PATH}`,
    // Faster to start, and none of it is of use to one small node.
    "-Djava.awt.headless=true",
    "-XX:+UseSerialGC",
    "-Xshare:auto",
  ];
}

/**
 * Formats the log directory, with a cluster id of its own that stays. It is made beside its place
 * and renamed, so that a kill in the middle leaves nothing half-formatted.
 */
async function formatOnce(
  kafka_dir: string,
  installation: KafkaInstallation,
  stopping: AbortSignal,
): Promise<void> {
  const log_dir = `${kafka_dir}/data`;
  if (await exists(`${log_dir}/meta.properties`)) return;
  const new_dir = `${kafka_dir}/data.new`;
  await Deno.remove(new_dir, { recursive: true }).catch(ignoreNotFound);
  await Deno.mkdir(new_dir, { recursive: true });
  const properties_path = `${kafka_dir}/format.properties`;
  // Formatting listens on no port; the file must name some.
  await writeAtomically(properties_path, serverProperties(new_dir, 9092, 9093));
  await runTool({
    doing: `format Kafka's log directory ${new_dir}`,
    command: [
      ...javaCommand(installation),
      // It is over before better code would pay.
      "-XX:TieredStopAtLevel=1",
      "kafka.tools.StorageTool",
      "format",
      "--cluster-id",
      newClusterId(),
      "--config",
      properties_path,
    ],
    stopping,
  });
  await Deno.remove(properties_path);
  await Deno.rename(new_dir, log_dir);
}

/** Sixteen random bytes in URL-safe base64, as Kafka's own random-uuid; none starts with "-". */
function newClusterId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = bytes[0]! & 0x7f;
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** An ApiVersions request, version 0, without a client id (KIP-35): size, key, version, id, null. */
const API_VERSIONS_REQUEST = new Uint8Array([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 255, 255]);

/**
 * Whether a Kafka broker answers there. Its port is open long before it takes requests.
 *
 * @param hostname Where.
 * @param port Its port.
 */
export async function answersKafka(hostname: string, port: number): Promise<boolean> {
  let connection: Deno.TcpConn;
  try {
    connection = await Deno.connect({ hostname, port });
  } catch {
    // Refused or unreachable: it does not answer, and whoever asks decides what that means.
    return false;
  }
  const deadline = setTimeout(() => connection.close(), PROBE_DEADLINE_MS);
  try {
    await connection.write(API_VERSIONS_REQUEST);
    return await connection.read(new Uint8Array(16)) !== null;
  } catch {
    // Reset by the other side, or closed here at the deadline.
    return false;
  } finally {
    clearTimeout(deadline);
    try {
      connection.close();
    } catch {
      // The deadline has closed it already.
    }
  }
}
