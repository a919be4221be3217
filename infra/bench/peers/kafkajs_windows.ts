/**
 * The bare kafkajs consuming loop: a program of its own, with kafkajs as npm has it. Usage:
 *
 *     deno run --allow-env='KAFKAJS_*,NODE_*' --allow-net=BOOTSTRAP \
 *       kafkajs_windows.ts BOOTSTRAP TOPIC GROUP TICKS
 *
 * It reads the topic from its beginning, parses each tick, adds it to the one-minute window of its
 * symbol in memory, commits its offsets every second, and ends after so many ticks. It writes how
 * many trades all its windows hold.
 */
import { Kafka, logLevel } from "kafkajs";

/** One symbol's minute. */
interface Window {
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  price_volume: number;
  price_sum: number;
  trades: number;
}

const WINDOW_MS = 60_000;

const [bootstrap, topic, group, ticks] = Deno.args;
const windows = new Map<string, Map<number, Window>>();

function add(symbol: string, price: number, volume: number, timestamp: number): void {
  let of_symbol = windows.get(symbol);
  if (of_symbol === undefined) windows.set(symbol, of_symbol = new Map());
  const start = timestamp - timestamp % WINDOW_MS;
  const window = of_symbol.get(start);
  if (window === undefined) {
    of_symbol.set(start, {
      open: price,
      high: price,
      low: price,
      close: price,
      volume,
      price_volume: price * volume,
      price_sum: price,
      trades: 1,
    });
    return;
  }
  if (price > window.high) window.high = price;
  if (price < window.low) window.low = price;
  window.close = price;
  window.volume += volume;
  window.price_volume += price * volume;
  window.price_sum += price;
  window.trades++;
}

const kafka = new Kafka({
  brokers: [bootstrap!],
  clientId: "kafkajs-windows",
  logLevel: logLevel.ERROR,
});
const consumer = kafka.consumer({
  groupId: group!,
  // A fetch brings as much as ours does.
  maxBytesPerPartition: 4_194_304,
  maxWaitTimeInMs: 100,
});
const done = Promise.withResolvers<void>();
let seen = 0;
await consumer.connect();
await consumer.subscribe({ topic: topic!, fromBeginning: true });
await consumer.run({
  autoCommitInterval: 1_000,
  eachBatch({ batch }) {
    for (const { value } of batch.messages) {
      const { symbol, price, volume, timestamp } = JSON.parse(value!.toString());
      add(symbol, price, volume, timestamp);
    }
    seen += batch.messages.length;
    if (seen >= Number(ticks)) done.resolve();
    return Promise.resolve();
  },
});
await done.promise;
await consumer.disconnect();
let trades = 0;
for (const of_symbol of windows.values()) {
  for (const window of of_symbol.values()) trades += window.trades;
}
await Deno.stdout.write(new TextEncoder().encode(`${trades}\n`));
