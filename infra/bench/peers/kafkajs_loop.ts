/**
 * The bare kafkajs producing loop: a program of its own, with kafkajs as npm has it. Usage:
 *
 *     deno run --allow-env='KAFKAJS_*,NODE_*' --allow-net=BOOTSTRAP --allow-read=FILE \
 *       kafkajs_loop.ts BOOTSTRAP TOPIC FILE PRODUCERS BATCH
 *
 * FILE is one of tick_file.ts. Its columns are in memory before the first send; each tick is made
 * and written as JSON when its turn comes. Each producer is idempotent, waits for acks=all, and has
 * one send under way; the ticks of one symbol go through one of them.
 */
import { basename } from "node:path";
import { Kafka, logLevel, type Message } from "kafkajs";

/** Columns of the ticks of some symbols. */
interface Columns {
  symbols: string[];
  timestamps: number[];
  prices: number[];
  volumes: number[];
  trade_ids: string[];
}

async function readColumns(path: string, parts: number): Promise<Columns[]> {
  const columns = Array.from({ length: parts }, (): Columns => ({
    symbols: [],
    timestamps: [],
    prices: [],
    volumes: [],
    trade_ids: [],
  }));
  const part_of = new Map<string, Columns>();
  const text = await Deno.readTextFile(path);
  for (let at = text.indexOf("\n") + 1; at < text.length;) {
    const end = text.indexOf("\n", at);
    const [symbol, timestamp, price, volume, trade_id] = text.slice(at, end).split(",");
    let part = part_of.get(symbol!);
    if (part === undefined) part_of.set(symbol!, part = columns[part_of.size % parts]!);
    part.symbols.push(symbol!);
    part.timestamps.push(Number(timestamp));
    part.prices.push(Number(price));
    part.volumes.push(Number(volume));
    part.trade_ids.push(trade_id!);
    at = end + 1;
  }
  return columns;
}

async function sendAll(
  kafka: Kafka,
  topic: string,
  source: string,
  columns: Columns,
  batch: number,
): Promise<void> {
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  let sending: Promise<unknown> = Promise.resolve();
  for (let from = 0; from < columns.symbols.length; from += batch) {
    const messages: Message[] = [];
    const end = Math.min(from + batch, columns.symbols.length);
    for (let at = from; at < end; at++) {
      const symbol = columns.symbols[at]!;
      messages.push({
        key: symbol,
        value: JSON.stringify({
          symbol,
          price: columns.prices[at],
          volume: columns.volumes[at],
          timestamp: columns.timestamps[at],
          source,
          trade_id: columns.trade_ids[at],
        }),
      });
    }
    // The next batch is made while this one is on its way.
    await sending;
    sending = producer.send({ topic, acks: -1, messages });
  }
  await sending;
  await producer.disconnect();
}

const [bootstrap, topic, path, producers, batch] = Deno.args;
const columns = await readColumns(path!, Number(producers));
const kafka = new Kafka({
  brokers: [bootstrap!],
  clientId: "kafkajs-loop",
  logLevel: logLevel.ERROR,
});
const source = `replay/${basename(path!)}`;
await Promise.all(columns.map((part) => sendAll(kafka, topic!, source, part, Number(batch))));
