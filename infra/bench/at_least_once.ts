/**
 * What the aggregator would be without exactly-once, for measuring what that costs: loaded before it
 * (`deno run --preload`), it takes the transactions out of kafkajs. Records are sent by an idempotent
 * producer, and the group's offset is committed after them. A crash between the two would count ticks
 * twice, which is why it is no setting of the aggregator.
 */
import "../../runtime/kafka.ts";
import kafkajs from "kafkajs";
import type { Consumer, Offsets, Producer, ProducerConfig, Transaction } from "kafkajs";

const { prototype } = kafkajs.Kafka;
const makeProducer = prototype.producer;
const makeConsumer = prototype.consumer;
let consumer: Consumer;

prototype.consumer = function (...options) {
  consumer = makeConsumer.apply(this, options);
  return consumer;
};

prototype.producer = function (options: ProducerConfig = {}) {
  const { transactionalId, transactionTimeout: _, ...plain } = options;
  const producer = makeProducer.call(this, plain);
  return transactionalId === undefined
    ? producer
    : { ...producer, transaction: () => Promise.resolve(noTransaction(producer)) };
};

function noTransaction(producer: Producer): Transaction {
  let offsets: Offsets = { topics: [] };
  const parts: Partial<Transaction> = {
    sendBatch: (batch) => producer.sendBatch(batch),
    sendOffsets: (told) => {
      offsets = told;
      return Promise.resolve();
    },
    commit: () =>
      consumer.commitOffsets(
        offsets.topics.flatMap(({ topic, partitions }) =>
          partitions.map((place) => ({ topic, ...place }))
        ),
      ),
    abort: () => Promise.resolve(),
  };
  return parts as Transaction;
}
