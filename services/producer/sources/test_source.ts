/** For tests of sources: a context whose queue is a real one, without Kafka behind it. */
import { Buffer } from "node:buffer";
import { REPLAY_RUN_HEADER } from "../../../contract/records.ts";
import { withDeadline } from "../../../runtime/backoff.ts";
import { readConfig } from "../../../runtime/config.ts";
import type { PartitionReader, ReadRecord } from "../../../runtime/kafka_reader.ts";
import { createLogger } from "../../../runtime/log.ts";
import { createMetrics } from "../../../runtime/metrics.ts";
import type { Tick } from "../../../contract/tick.ts";
import { SETTINGS, type SourceName } from "../config.ts";
import { createDoor } from "../door.ts";
import type { Load, MarkerLoad } from "../load.ts";
import { createLoadQueue } from "../load_queue.ts";
import { METRICS } from "../metrics.ts";
import type { RefusedInput } from "../refused_input.ts";
import type { Source, SourceContext } from "./source.ts";
import { SOURCES } from "./table.ts";

const DEADLINE_MS = 20_000;

/** A source at work in a test, and what it has handed over. */
export interface SourceUnderTest {
  source: Source;
  context: SourceContext;
  /** What was taken from the queue so far. */
  ticks: Tick[];
  /** Lines of the ticks, of a replay. */
  lines: number[];
  markers: MarkerLoad[];
  refused: RefusedInput[];
  /** Log lines, as JSON. */
  log: string[];
  depth(): number;
  /** Takes from the queue and confirms, until something is true of what came. */
  takeUntil(isEnough: () => boolean): Promise<void>;
  /** Value of a counter or gauge, all labels added up, or those that match. */
  metric(name: keyof typeof METRICS, labels?: { [label: string]: string }): Promise<number>;
  stop(): Promise<void>;
  /** Resolves when the source has ended by itself; what waits is taken. */
  ended(): Promise<void>;
}

/** A topic whose first partition holds the claims of this test's replays, and nothing else. */
function claimsReader(claims: readonly ReadRecord[]): PartitionReader {
  const end = (partition: number): bigint => BigInt(partition === 0 ? claims.length : 0);
  return {
    partitions: () => Promise.resolve(3),
    ends: (_topic, partition) => Promise.resolve({ earliest: 0n, last_stable: end(partition) }),
    end: (_topic, partition) => Promise.resolve(end(partition)),
    fetch: (_topic, partition, offset) =>
      Promise.resolve({
        records: partition === 0 ? claims.slice(Number(offset)) : [],
        next_offset: end(partition),
        last_stable_offset: end(partition),
      }),
    close: () => Promise.resolve(),
  };
}

/** A claim as a reader brings it: of the fields that a replay looks at. */
function claimRecord(source: string, run: string, offset: number): ReadRecord {
  return {
    offset: String(offset),
    value: Buffer.from(JSON.stringify({ source, confirmed: [] })),
    headers: { [REPLAY_RUN_HEADER]: run },
  } as unknown as ReadRecord;
}

/**
 * Runs a source with a queue of its own.
 *
 * @param name Which source.
 * @param environment Its settings.
 * @param test What to do with it; the source is stopped afterwards.
 */
export async function withSource(
  name: SourceName,
  environment: { [variable: string]: string },
  test: (under_test: SourceUnderTest) => Promise<void>,
): Promise<void> {
  const config = readConfig(SETTINGS, { TAPELINE_SOURCE: name, ...environment });
  const { metrics } = createMetrics("producer", METRICS);
  const stopping = new AbortController();
  const queue = createLoadQueue(config.queue_ticks);
  const log: string[] = [];
  const claims: ReadRecord[] = [];
  const context: SourceContext = {
    config,
    door: createDoor(name, "ticks", queue, metrics, stopping.signal),
    log: createLogger("producer", "debug", (line) => log.push(line)),
    metrics,
    stopping: stopping.signal,
    openReader: () => Promise.resolve(claimsReader(claims)),
    partitions: 3,
  };
  const source = await SOURCES[name](context);
  const taken: Pick<SourceUnderTest, "ticks" | "lines" | "markers" | "refused"> = {
    ticks: [],
    lines: [],
    markers: [],
    refused: [],
  };
  const run = source.run();
  let is_over = false;
  run.finally(() => {
    is_over = true;
    queue.wake();
  }).catch(() => {});

  function take(load: Load): void {
    if (load.kind === "refused") taken.refused.push(...load.inputs);
    else {
      // A marker that says neither of them claims a source.
      if (load.kind === "marker") {
        if (load.event_time !== null || load.ended) taken.markers.push(load);
        else claims.push(claimRecord(load.source, load.run!, claims.length));
      } else {
        taken.ticks.push(...load.ticks);
        taken.lines.push(...load.replay?.lines ?? []);
      }
      load.confirmed?.();
    }
  }

  async function takeUntil(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      const head = queue.peek();
      if (head !== undefined) {
        take(head.load);
        queue.remove();
      } else if (is_over) {
        await run;
        if (!isEnough()) throw new Error("The source ended before enough had come");
      } else {
        await withDeadline(queue.changed(), DEADLINE_MS, `Waiting for the source ${name}`);
      }
    }
  }

  /** What waits goes on being taken, as it does in the producer. */
  async function stop(): Promise<void> {
    stopping.abort();
    await takeUntil(() => is_over);
    await run;
  }

  try {
    await test({
      ...taken,
      source,
      context,
      log,
      depth: queue.depth,
      takeUntil,
      async metric(metric, labels = {}) {
        const { values } = await metrics[metric].get();
        return values
          .filter((value) =>
            Object.entries(labels).every(([label, wanted]) =>
              (value.labels as { [label: string]: unknown })[label] === wanted
            )
          )
          .reduce((sum, { value }) => sum + value, 0);
      },
      stop,
      async ended() {
        await takeUntil(() => is_over && queue.peek() === undefined);
        await run;
      },
    });
  } finally {
    await stop();
  }
}
