/**
 * For server tests: the producer as a process of its own, with no more permissions than the
 * supervisor gives it, and what it put into Kafka.
 */
import { type Marker, RECORD_KIND_HEADER } from "../../contract/records.ts";
import { decodeTick, type Tick } from "../../contract/tick.ts";
import { DEFAULT_TOPIC_NAMES, topicShapes } from "../../contract/topics.ts";
import { withDeadline } from "../../runtime/backoff.ts";
import { createKafka, ensureTopics, type KafkaOptions } from "../../runtime/kafka.ts";
import { openReader, readRange, type ReadRecord } from "../../runtime/kafka_reader.ts";
import { createLogger } from "../../runtime/log.ts";
import { serviceCommand } from "../../infra/service_command.ts";

/** Longest wait for anything in a server test. */
export const TEST_DEADLINE_MS = 60_000;

const PARTITIONS = 3;

/** How tests reach Kafka: quietly. */
export function testKafka(bootstrap: string): KafkaOptions {
  return {
    bootstrap_servers: [bootstrap],
    client_id: "test",
    log: createLogger("test", "error", () => {}),
  };
}

/** Makes the topics under their default names. */
export async function makeTopics(bootstrap: string): Promise<void> {
  const shapes = topicShapes({
    names: DEFAULT_TOPIC_NAMES,
    tick_partitions: PARTITIONS,
    retention_ms: 86_400_000,
  });
  await ensureTopics(createKafka(testKafka(bootstrap)), Object.values(shapes));
}

/** One line of the producer's log. */
export type LogLine = { event?: string; level: string; message: string; [field: string]: unknown };

/** A producer process. */
export interface ProducerUnderTest {
  lines: LogLine[];
  /** Everything it wrote, for what must not be in it. */
  output(): string;
  /** The first line, past or to come, of which this is true. */
  line(wanted: (line: LogLine) => boolean): Promise<LogLine>;
  /** URL of its HTTP door, once it listens. */
  httpUrl(): Promise<string>;
  /** Resolves when /ready says so. */
  ready(): Promise<void>;
  /** The text of /metrics. */
  metrics(): Promise<string>;
  /** Resolves when it has ended by itself. */
  ended(): Promise<number>;
  stop(): Promise<number>;
  kill(): Promise<void>;
}

/**
 * Runs a test with a producer process, and ends the process whatever comes of it.
 *
 * @param bootstrap Kafka.
 * @param environment Its settings, beside Kafka's.
 * @param test What to do with it.
 */
export async function withProducer<Result>(
  bootstrap: string,
  environment: { [variable: string]: string },
  test: (producer: ProducerUnderTest) => Promise<Result>,
): Promise<Result> {
  const producer = startProducer(bootstrap, environment);
  try {
    return await test(producer);
  } catch (error) {
    throw new Error(`${(error as Error).message}\nThe producer wrote:\n${producer.output()}`, {
      cause: error,
    });
  } finally {
    await producer.kill();
  }
}

function startProducer(
  bootstrap: string,
  environment: { [variable: string]: string },
): ProducerUnderTest {
  const { command, env } = serviceCommand("producer", {
    ...Deno.env.toObject(),
    KAFKA_BOOTSTRAP_SERVERS: bootstrap,
    TAPELINE_OPERATIONS_PORT: "0",
    ...environment,
  }, []);
  const child = new Deno.Command(command[0]!, {
    args: command.slice(1),
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const lines: LogLine[] = [];
  let output = "";
  let changed = Promise.withResolvers<void>();
  let is_over = false;

  async function follow(stream: ReadableStream<Uint8Array>, is_log: boolean): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      if (is_log) { for (const part of parts) lines.push(JSON.parse(part)); }
      changed.resolve();
      changed = Promise.withResolvers();
    }
  }
  const followed = Promise.all([follow(child.stdout, true), follow(child.stderr, false)]);
  const over = Promise.all([child.status, followed]).then(([status]) => {
    is_over = true;
    changed.resolve();
    return status.code;
  });

  async function line(wanted: (line: LogLine) => boolean): Promise<LogLine> {
    const search = async (): Promise<LogLine> => {
      for (;;) {
        const found = lines.find(wanted);
        if (found) return found;
        if (is_over) throw new Error("The producer ended before the log line that was waited for");
        await changed.promise;
      }
    };
    return await withDeadline(search(), TEST_DEADLINE_MS, "Waiting for a log line");
  }

  async function operationsUrl(): Promise<string> {
    return String((await line((each) => each.operations_url !== undefined)).operations_url);
  }

  return {
    lines,
    output: () => output,
    line,
    httpUrl: async () => String((await line((each) => each.door === "http")).url),
    async ready() {
      const url = await operationsUrl();
      await eventually(async () => {
        const response = await fetch(`${url}/ready`);
        await response.body?.cancel();
        return response.ok;
      }, "the producer to be ready");
    },
    metrics: async () => await (await fetch(`${await operationsUrl()}/metrics`)).text(),
    ended: () => withDeadline(over, TEST_DEADLINE_MS, "Waiting for the producer to end"),
    async stop() {
      child.kill("SIGTERM");
      return await withDeadline(over, TEST_DEADLINE_MS, "Stopping the producer");
    },
    async kill() {
      if (!is_over) child.kill("SIGKILL");
      await over;
    },
  };
}

/**
 * Asks again until something is true.
 *
 * @param isTrue What is waited for.
 * @param what Its name, for the error.
 */
export async function eventually(isTrue: () => Promise<boolean>, what: string): Promise<void> {
  const give_up_at = Date.now() + TEST_DEADLINE_MS;
  while (!await isTrue()) {
    if (Date.now() > give_up_at) throw new Error(`Waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What the tick topic holds. */
export interface TopicContent {
  ticks: { tick: Tick; partition: number; record: ReadRecord }[];
  markers: { marker: Marker; partition: number; record: ReadRecord }[];
}

/** Reads the whole tick topic: each partition in order. */
export async function readTicks(bootstrap: string): Promise<TopicContent> {
  const content: TopicContent = { ticks: [], markers: [] };
  for (const { partition, record } of await readTopic(bootstrap, DEFAULT_TOPIC_NAMES.ticks)) {
    if (record.headers?.[RECORD_KIND_HEADER]) {
      content.markers.push({ marker: JSON.parse(String(record.value)), partition, record });
      continue;
    }
    const decoded = decodeTick(record.value);
    if ("fault" in decoded) throw new Error(`The topic holds no tick: ${decoded.fault.message}`);
    content.ticks.push({ tick: decoded.tick, partition, record });
  }
  return content;
}

/** Reads a whole topic: each partition in order. */
export async function readTopic(
  bootstrap: string,
  topic: string,
): Promise<{ partition: number; record: ReadRecord }[]> {
  const reader = await openReader(testKafka(bootstrap));
  const found: { partition: number; record: ReadRecord }[] = [];
  try {
    for (let partition = 0; partition < await reader.partitions(topic); partition++) {
      const { earliest, last_stable } = await reader.ends(topic, partition);
      for await (const records of readRange(reader, topic, partition, earliest, last_stable)) {
        for (const record of records) found.push({ partition, record });
      }
    }
  } finally {
    await reader.close();
  }
  return found;
}
