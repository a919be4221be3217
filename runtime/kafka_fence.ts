/**
 * Fences whoever has a transactional id, and ends what its transactions left open.
 *
 * A coordinator may lose the markers of a transaction that it has decided: a broker that was killed
 * and is started again within its session (broker.session.timeout.ms) leads its partitions until
 * that session ends, and no partition has a leader for a moment then. What markers are due in that
 * moment are skipped as those of deleted partitions, and the transaction is called complete (Kafka
 * 4.3.0, TransactionMarkerChannelManager.addTxnMarkersToBrokerQueue). Its records stay undecided:
 * readers of committed records wait before them, and the next marker of the same producer, whatever
 * it belongs to, decides them too. So here markers are written that belong to nothing else. The
 * group's offsets need none: those that a transaction brings take the place of any undecided ones.
 */
import createEosManager from "kafkajs/src/producer/eosManager/index.js";
import { kafkaConfig, type KafkaOptions } from "./kafka.ts";
import { type ClusterClient, createCluster } from "./kafka_cluster.ts";

/** Where a transactional id may have left something open. */
export interface OpenPlaces {
  transactional_id: string;
  /** What is open there is given up. */
  aborted: { topic: string; partition: number }[];
  /** What is open there becomes visible: for records that may be there twice, and must not be lost. */
  committed: { topic: string; partition: number }[];
}

/** Ends what others left open. */
export interface Fencer {
  /**
   * Fences the id and ends what it left open. It begins anew with a producer id of its own: whoever
   * fences must then fence once more with the producer that goes on.
   *
   * @param given_up Ends it before its next step: one that goes on late would fence its successor.
   * @throws Error when Kafka does not answer, or refuses; the signal's reason.
   */
  fence(places: OpenPlaces, given_up: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** The parts of kafkajs' keeper of a producer's transactions that are used here. */
interface TransactionKeeper {
  /** Fences; waits while an earlier transaction of the id is being ended. */
  initProducerId(): Promise<void>;
  beginTransaction(): void;
  addPartitionsToTransaction(
    topics: { topic: string; partitions: { partition: number }[] }[],
  ): Promise<void>;
  abort(): Promise<void>;
  commit(): Promise<void>;
}

/** Waits of a few ms while the broker ends a transaction in the background. */
export const TRANSACTION_RETRY = { initialRetryTime: 5, maxRetryTime: 500, retries: 12 } as const;

/** Longest time that a transaction may be open before the broker aborts it. */
export const TRANSACTION_TIMEOUT_MS = 30_000;

/**
 * Connects a fencer.
 *
 * @param options How to reach Kafka.
 */
export async function openFencer(options: KafkaOptions): Promise<Fencer> {
  const config = kafkaConfig({ ...options, client_id: `${options.client_id}-fencer` });
  const retry = { ...config.retry, ...TRANSACTION_RETRY };
  // The keeper of transactions looks for its waits at the cluster, which does not keep them there.
  const cluster = Object.assign(createCluster({ ...config, retry }), { retry });
  await cluster.connect();
  return {
    async fence({ transactional_id, aborted, committed }, given_up) {
      const keeper = transactionsOf(cluster, transactional_id);
      given_up.throwIfAborted();
      await keeper.initProducerId();
      keeper.beginTransaction();
      await keeper.addPartitionsToTransaction(aborted.map(placeOf));
      await keeper.abort();
      if (committed.length === 0) return;
      given_up.throwIfAborted();
      // It waits until the markers are written.
      await keeper.initProducerId();
      keeper.beginTransaction();
      try {
        await keeper.addPartitionsToTransaction(committed.map(placeOf));
      } catch (error) {
        // A topic that somebody has deleted holds nothing open.
        if ((error as { type?: string }).type === "UNKNOWN_TOPIC_OR_PARTITION") return;
        throw error;
      }
      await keeper.commit();
    },
    close: () => cluster.disconnect(),
  };
}

function placeOf(
  { topic, partition }: { topic: string; partition: number },
): { topic: string; partitions: { partition: number }[] } {
  return { topic, partitions: [{ partition }] };
}

function transactionsOf(cluster: ClusterClient, transactionalId: string): TransactionKeeper {
  return (createEosManager as unknown as (options: unknown) => TransactionKeeper)({
    logger: cluster.logger,
    cluster,
    transactionTimeout: TRANSACTION_TIMEOUT_MS,
    transactional: true,
    transactionalId,
  });
}
