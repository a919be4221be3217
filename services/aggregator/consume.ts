/** Reads the tick topic in a consumer group, and gives each partition's batches to its worker. */
import type { EachBatchPayload, Kafka } from "kafkajs";
import { type Backoff, backoffDelay, sleep } from "../../runtime/backoff.ts";
import { createGroupConsumer, type Membership } from "../../runtime/kafka_consumer.ts";
import { isEmptyBetween } from "../../runtime/kafka_reader.ts";
import { errorFields, type Logger } from "../../runtime/log.ts";
import type { Metrics } from "../../runtime/metrics.ts";
import { exemplarOf, observeAll } from "../../runtime/spans.ts";
import type { METRICS } from "./metrics.ts";
import { type PartitionWorker, startWorker, type WorkerOptions } from "./partition_worker.ts";
import { takeOver, type TakeoverOptions } from "./takeover.ts";

/** What the consumer is told once. */
export interface ConsumeOptions {
  kafka: Kafka;
  log: Logger;
  metrics: Metrics<typeof METRICS>;
  stopping: AbortSignal;
  fail: (error: unknown) => void;
  fetch_wait_ms: number;
  session_timeout_ms: number;
  takeover: TakeoverOptions;
  worker: Omit<WorkerOptions, "lastFetch" | "onTaken" | "onFlushed" | "onBroken">;
}

/** A running consumer. */
export interface RunningConsumer {
  /** What keeps it from working, a sentence each. */
  faults(): string[];
  /** Those of them that it tries to mend, again and again. */
  troubles(): string[];
  /** Whether a partition is being taken over, which moves nothing and may take long. */
  isTakingOver(): boolean;
  membership(): Membership;
  stop(): Promise<void>;
}

const TAKEOVER_WAIT_MS_MAX = 5_000;
const FETCH_BYTES_MAX = 2_097_152;

/** Joins the group and works until it is stopped. */
export async function startConsumer(options: ConsumeOptions): Promise<RunningConsumer> {
  const { kafka, log, metrics, takeover } = options;
  const { tick_topic: topic } = takeover;
  // No heartbeat is sent during a wait.
  const takeover_backoff: Backoff = {
    initial_ms: 100,
    max_ms: Math.min(TAKEOVER_WAIT_MS_MAX, options.session_timeout_ms / 3),
  };
  /** Counts our memberships: a worker of an earlier one is taken over anew. */
  let membership = 0;
  const workers = new Map<number, { worker: PartitionWorker; membership: number }>();
  const trouble = new Map<number, string>();
  let takeovers_under_way = 0;
  /** Partitions whose transactions fail, until one is committed: why the last did, and how many. */
  const failing = new Map<number, { message: string; times: number; from: bigint }>();

  const { consumer, faults, membership: memberNow, lastFetch } = createGroupConsumer({
    kafka,
    log,
    metrics,
    group: takeover.group,
    session_timeout_ms: options.session_timeout_ms,
    fetch_wait_ms: options.fetch_wait_ms,
    partition_bytes_max: FETCH_BYTES_MAX,
    partitions: takeover.partitions,
    onJoin(assignment) {
      membership++;
      trouble.clear();
      failing.clear();
      const assigned = assignment[topic] ?? [];
      metrics.assigned.set(assigned.length);
      for (const [partition, held] of workers) {
        if (!assigned.includes(partition)) forget(partition, held.worker);
      }
    },
    onCrash: () => metrics.errors.inc({ kind: "consumer_crash" }),
    fail: options.fail,
  });

  function forget(partition: number, worker: PartitionWorker): void {
    workers.delete(partition);
    metrics.series.remove({ partition: String(partition) });
    metrics.watermark.remove({ partition: String(partition) });
    // Its transaction, if one is open, is fenced by whoever takes the partition over.
    worker.drop().catch((error) => log.debug("a dropped worker's producer", errorFields(error)));
  }

  async function workerOf(
    partition: number,
    keepAlive: () => Promise<void>,
  ): Promise<PartitionWorker | null> {
    const held = workers.get(partition);
    if (held?.membership === membership) return held.worker;
    if (held) forget(partition, held.worker);
    const member = membership;
    const failures = failing.get(partition)?.times ?? 0;
    // After the first failure it is tried at once: the transaction may have been another's to end.
    if (failures > 1) await sleep(backoffDelay(takeover_backoff, failures), options.stopping);
    for (let attempt = 0; !options.stopping.aborted && member === membership; attempt++) {
      // The heartbeat confirms the assignment: it throws where another member has the partition.
      await keepAlive();
      const started_at_ms = Date.now();
      try {
        takeovers_under_way++;
        const owned = await takeOver(takeover, partition, keepAlive)
          .finally(() => takeovers_under_way--);
        // It is for nobody where the group was joined anew meanwhile, or a stop has begun.
        if (member !== membership || options.stopping.aborted) {
          await owned.producer.disconnect();
          return null;
        }
        metrics.takeovers.inc();
        metrics.takeover_duration.observe((Date.now() - started_at_ms) / 1000);
        noteTrimmed(partition, owned.trimmed);
        noteOtherOffset(partition, owned);
        trouble.delete(partition);
        // It had been committed; only the answer was lost.
        const { from = owned.state.next_offset } = failing.get(partition) ?? {};
        if (owned.state.next_offset > from) failing.delete(partition);
        return hold(partition, member, owned);
      } catch (error) {
        if (isRebalance(error)) throw error;
        metrics.errors.inc({ kind: "takeover" });
        const message = (error as Error).message;
        // What an earlier membership met is no trouble of this one.
        if (member !== membership) return null;
        if (trouble.get(partition) !== message) {
          log.warn("a partition could not be taken over; trying again", {
            partition,
            ...errorFields(error),
          });
        }
        trouble.set(partition, message);
        await sleep(backoffDelay(takeover_backoff, attempt), options.stopping);
      }
    }
    return null;
  }

  function noteTrimmed(partition: number, records: bigint): void {
    if (records <= 0n) return;
    metrics.trimmed.inc(Number(records));
    log.error("the topic's retention deleted records before they were read", {
      event: "trimmed",
      partition,
      records,
    });
  }

  function noteOtherOffset(
    partition: number,
    { state, other_offset }: Awaited<ReturnType<typeof takeOver>>,
  ): void {
    if (other_offset === null) return;
    metrics.errors.inc({ kind: "other_offset" });
    log.error(
      "the group's offset is not that of the state: Kafka lost one of them; on by the state",
      {
        event: "other_offset",
        partition,
        group_offset: other_offset,
        state_offset: state.next_offset,
      },
    );
  }

  function hold(
    partition: number,
    member: number,
    owned: Awaited<ReturnType<typeof takeOver>>,
  ): PartitionWorker {
    const worker: PartitionWorker = startWorker(owned, {
      ...options.worker,
      lastFetch,
      onTaken(ages_seconds) {
        for (const age of ages_seconds) metrics.window_age.observe(age);
      },
      onFlushed(told) {
        failing.delete(partition);
        metrics.sent.inc({ to: "candles" }, told.candles);
        metrics.sent.inc({ to: "dead_letters" }, told.dead_letters);
        metrics.advances.inc(worker.takeAdvances());
        const exemplar = exemplarOf(told.span);
        metrics.duration.observe({ value: told.batch_duration_seconds, ...exemplar });
        const { transaction_duration_seconds } = told;
        metrics.transaction_duration.observe({ value: transaction_duration_seconds, ...exemplar });
        observeAll(metrics.publish_age, told.ages_seconds, told.span);
        // The last flush of a partition that was given away must not bring its gauge back.
        if (workers.get(partition)?.worker === worker) {
          metrics.series.set({ partition: String(partition) }, worker.seriesCount());
          const watermark_ms = worker.watermark();
          if (watermark_ms !== null) {
            metrics.watermark.set({ partition: String(partition) }, watermark_ms / 1_000);
          }
        }
        for (const [reason, count] of told.discarded) metrics.discarded.inc({ reason }, count);
      },
      onBroken(error) {
        metrics.errors.inc({ kind: "transaction" });
        log.warn("a transaction failed; its partition is taken over anew", {
          event: "transaction_failed",
          partition,
          ...errorFields(error),
        });
        if (workers.get(partition)?.worker !== worker) return;
        const times = (failing.get(partition)?.times ?? 0) + 1;
        const { message } = error as Error;
        failing.set(partition, { message, times, from: worker.committedOffset() });
        forget(partition, worker);
        consumer.seek({ topic, partition, offset: worker.committedOffset().toString() });
      },
    });
    workers.set(partition, { worker, membership: member });
    return worker;
  }

  async function takeBatch(payload: EachBatchPayload): Promise<void> {
    const { batch, heartbeat, resolveOffset, isRunning, isStale } = payload;
    if (!isRunning() || isStale()) return;
    if (options.stopping.aborted) {
      // What is not resolved is fetched again at once, until the consumer is gone.
      await sleep(50);
      return;
    }
    const { partition } = batch;
    const worker = await workerOf(partition, heartbeat);
    if (worker === null) return;
    const fetched = BigInt((batch as unknown as { fetchedOffset: string }).fetchedOffset);
    const expected = worker.nextOffset();
    if (
      fetched > expected &&
      await isEmptyBetween(takeover.reader, topic, partition, expected, fetched)
    ) {
      const { earliest } = await takeover.reader.ends(topic, partition);
      // A batch of an earlier membership may still be at work here: it must not be moved back.
      if (worker.nextOffset() !== expected) return;
      noteTrimmed(partition, (earliest < fetched ? earliest : fetched) - expected);
      worker.skipTo(fetched);
    } else if (fetched !== expected) {
      const { last_stable } = await takeover.reader.ends(topic, partition);
      // A topic that ends before our position is another one: a takeover says so.
      if (last_stable < expected && workers.get(partition)?.worker === worker) {
        return forget(partition, worker);
      }
      consumer.seek({ topic, partition, offset: expected.toString() });
      return;
    }
    const next_offset = BigInt(batch.lastOffset()) + 1n;
    const is_newest = BigInt(batch.highWatermark) <= next_offset;
    const records = batch.messages;
    const taken = await worker.take({ records, next_offset, is_newest }, heartbeat);
    metrics.received.inc({ from: "ticks" }, taken);
    if (taken < records.length) return;
    resolveOffset(batch.lastOffset());
    await heartbeat();
  }

  // From the start, so that nothing is told as nothing, and not as not known.
  metrics.received.inc({ from: "ticks" }, 0);
  metrics.advances.inc(0);
  for (const to of ["candles", "dead_letters"]) metrics.sent.inc({ to }, 0);
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: takeover.partitions,
    eachBatch: takeBatch,
  });

  const troubles = (): string[] => {
    // A single failure may be a commit whose answer was lost, with nothing left to write after it.
    const failed = [...failing].filter(([, { times }]) => times > 1)
      .map(([partition, { message }]) => [partition, message] as const);
    return [...trouble, ...failed].map(([partition, text]) => `partition ${partition}: ${text}`);
  };

  return {
    faults: () => [...troubles(), ...faults()],
    troubles,
    isTakingOver: () => takeovers_under_way > 0,
    membership: memberNow,
    async stop() {
      await Promise.all([...workers.values()].map(({ worker }) => worker.close()));
      await consumer.disconnect();
    },
  };
}

/** kafkajs must hear of a lost assignment itself: it joins again then. */
function isRebalance(error: unknown): boolean {
  const type = (error as { type?: string }).type;
  return [
    "REBALANCE_IN_PROGRESS",
    "NOT_COORDINATOR_FOR_GROUP",
    "ILLEGAL_GENERATION",
    "UNKNOWN_MEMBER_ID",
  ].includes(type ?? "");
}
