/**
 * Kafka for every service: the one module (with its neighbours kafka_*.ts) that knows kafkajs.
 * kafkajs is asleep upstream; what it needs is written down in docs/decisions/kafkajs.md.
 */
// First: it must stand in place of kafkajs' own before anything of kafkajs is loaded.
import "./kafka_encoding.ts";
import "./kafka_decoding.ts";
import "./kafka_coordinators.ts";
import {
  type Admin,
  CompressionCodecs,
  CompressionTypes,
  ConfigResourceTypes,
  type ITopicMetadata,
  Kafka,
  type KafkaConfig,
  type LogEntry,
  logLevel,
} from "kafkajs";
import SnappyCodec from "kafkajs-snappy";
import RequestQueue from "kafkajs/src/network/requestQueue/index.js";
import { promisify } from "node:util";
import zlib from "node:zlib";
import type { TopicShape } from "../contract/topics.ts";
import { sleep } from "./backoff.ts";
import type { Logger } from "./log.ts";

/** How to reach Kafka. */
export interface KafkaOptions {
  bootstrap_servers: readonly string[];
  /** Seen in the broker's logs: the service's name. */
  client_id: string;
  log: Logger;
}

/** Names of compressions, as configured. */
export type Compression = "none" | "gzip" | "snappy" | "zstd";

const COMPRESSION_TYPES: { [name in Compression]: CompressionTypes } = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  zstd: CompressionTypes.ZSTD,
};

CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec;
const zstdCompress = promisify(zlib.zstdCompress);
const zstdDecompress = promisify(zlib.zstdDecompress);
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: (encoded: { buffer: Uint8Array }) => zstdCompress(encoded.buffer),
  decompress: (bytes: Uint8Array) => zstdDecompress(bytes),
});

/** kafkajs' constant for a configured compression. */
export function compressionType(name: Compression): CompressionTypes {
  return COMPRESSION_TYPES[name];
}

silenceNegativeTimeouts();

/**
 * kafkajs plans its throttle check for a moment in the past, and the runtime warns of a negative
 * timeout at each; nothing is to be checked where nothing is pending.
 */
function silenceNegativeTimeouts(): void {
  interface Queue {
    pending: unknown[];
    throttledUntil: number;
    scheduleCheckPendingRequests(): void;
  }
  const prototype = (RequestQueue as unknown as { prototype: Queue }).prototype;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: Queue): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}

/** Waits between attempts at the broker, the same for every client: it may be away for minutes. */
export const KAFKA_RETRY = {
  initialRetryTime: 50,
  maxRetryTime: 2_000,
  factor: 0.3,
  multiplier: 2,
} as const;

/**
 * kafkajs' settings from ours. Retries have no count: a broker that is away is waited for, and
 * whoever waits has a deadline or a readiness that says so.
 */
export function kafkaConfig(options: KafkaOptions): KafkaConfig {
  return {
    brokers: [...options.bootstrap_servers],
    clientId: options.client_id,
    connectionTimeout: 3_000,
    requestTimeout: 15_000,
    retry: { ...KAFKA_RETRY, retries: Number.MAX_SAFE_INTEGER },
    logLevel: logLevel.WARN,
    logCreator: () => kafkaLogWriter(options.log),
  };
}

/** What the broker answers while it is at work: the client tries again within milliseconds. */
const PASSING_ANSWERS = [
  "concurrent operation on the same transaction",
  "coordinator is not available",
  "coordinator is loading",
  "This is not the correct coordinator",
  "group is rebalancing",
  "no longer any messages",
  // Said after every crash of a consumer, which has been told with its reason where it matters.
  "Restarting the consumer in",
];
/** Whether an error's text is such an answer. */
export function isPassingAnswer(text: string): boolean {
  return PASSING_ANSWERS.some((answer) => text.includes(answer));
}

/** The same line is written once in this time: a broker that is away is said once, not each try. */
const REPEAT_AFTER_MS = 30_000;
const KNOWN_LINES_MAX = 200;

/**
 * kafkajs calls many a passing thing an error. What matters is thrown, counted or in /ready, so its
 * lines are warnings at most, and none is repeated at every attempt.
 */
function kafkaLogWriter(log: Logger): (entry: LogEntry) => void {
  const written_at_ms = new Map<string, number>();
  return (entry) => {
    const { message, timestamp: _timestamp, logger: _logger, ...fields } = entry.log;
    const told = `${message} ${fields.error ?? ""}`;
    const passing = isPassingAnswer(told);
    const now_ms = performance.now();
    const repeated = now_ms - (written_at_ms.get(told) ?? -Infinity) < REPEAT_AFTER_MS;
    const write = entry.level === logLevel.ERROR && !passing && !repeated ? log.warn : log.debug;
    if (write === log.warn) {
      if (written_at_ms.size >= KNOWN_LINES_MAX) written_at_ms.clear();
      written_at_ms.set(told, now_ms);
    }
    write(`kafka client: ${message}`, { event: "kafka_client", part: entry.namespace, ...fields });
  };
}

/** Makes a client: producers, consumers and admins come from it. Nothing is connected yet. */
export function createKafka(options: KafkaOptions): Kafka {
  return new Kafka(kafkaConfig(options));
}

/** What a broker answers about a topic that was made a moment ago. */
const NOT_LED_YET = ["UNKNOWN_TOPIC_OR_PARTITION", "LEADER_NOT_AVAILABLE"];
const LED_INTERVAL_MS = 100;

/**
 * Makes the topics that are missing, and checks those that are there.
 *
 * @param kafka The client.
 * @param shapes What the topics must look like.
 * @param deadline_ms How long it may take until every partition has a leader.
 * @throws Error when a topic has another number of partitions than is asked for.
 */
export async function ensureTopics(
  kafka: Kafka,
  shapes: readonly TopicShape[],
  deadline_ms = 30_000,
): Promise<void> {
  const admin = kafka.admin({ retry: { ...KAFKA_RETRY, maxRetryTime: 500, retries: 20 } });
  await admin.connect();
  try {
    const known = await admin.listTopics();
    await admin.createTopics({
      // kafkajs gives up waiting where the broker has not heard yet of what its controller has made.
      waitForLeaders: false,
      timeout: deadline_ms,
      topics: shapes.filter(({ topic }) => !known.includes(topic)).map((
        { topic, partitions, settings },
      ) => ({
        topic,
        numPartitions: partitions,
        configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
      })),
    });
    await checkSettings(admin, shapes.filter(({ topic }) => known.includes(topic)));
    const topics = await whenLed(admin, shapes.map(({ topic }) => topic), deadline_ms);
    for (const { topic, partitions } of shapes) {
      const found = topics.find((candidate) => candidate.name === topic)?.partitions.length ?? 0;
      if (found !== partitions) {
        throw new Error(
          `Topic ${topic} has ${found} partitions and must have ${partitions}: name another topic ` +
            "or delete this one; if it is right as it is, TAPELINE_TICK_PARTITIONS sets how many " +
            "the topics of ticks and candles have",
        );
      }
    }
  } finally {
    await admin.disconnect();
  }
}

/** Waits until the broker knows the topics, and every partition of theirs has a leader. */
async function whenLed(
  admin: Admin,
  names: string[],
  deadline_ms: number,
): Promise<ITopicMetadata[]> {
  const give_up_at_ms = performance.now() + deadline_ms;
  for (;;) {
    let missing: string;
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: names });
      const led = topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
      if (led) return topics;
      missing = "a partition has no leader";
    } catch (error) {
      const { type, message } = error as { type?: string; message: string };
      if (!NOT_LED_YET.includes(type ?? "")) throw error;
      missing = message;
    }
    if (performance.now() > give_up_at_ms) {
      throw new Error(
        `Kafka has not got the topics ${names.join(", ")} ready within ${deadline_ms} ms ` +
          `(${missing}): its log says why`,
      );
    }
    await sleep(LED_INTERVAL_MS);
  }
}

/** Refuses topics that are there with settings under which records would be lost or refused. */
async function checkSettings(admin: Admin, shapes: readonly TopicShape[]): Promise<void> {
  if (shapes.length === 0) return;
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: shapes.map(({ topic }) => ({ type: ConfigResourceTypes.TOPIC, name: topic })),
  });
  for (const { topic, settings } of shapes) {
    const found = resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? [];
    const valueOf = (name: string): string | undefined =>
      found.find(({ configName }) => configName === name)?.configValue;
    const wrong = Object.entries(settings).filter(([name, wanted]) => {
      const value = valueOf(name);
      if (name === "cleanup.policy") return value !== wanted;
      return name === "max.message.bytes" && Number(value) < Number(wanted);
    });
    if (wrong.length === 0) continue;
    const told = wrong.map(([name, wanted]) => `${name}=${valueOf(name)} and needs ${wanted}`);
    throw new Error(
      `Topic ${topic} has ${told.join(", ")}: alter it (kafka-configs --alter --topic ${topic} ` +
        `--add-config …) or name another topic`,
    );
  }
}
