/** Topics full of ticks, for whoever reads them. */
import { partitionOf } from "../../contract/partition.ts";
import type { Tick } from "../../contract/tick.ts";
import { createKafka } from "../../runtime/kafka.ts";
import { openSender } from "../../runtime/kafka_sender.ts";
import { testKafka } from "../../services/sink/sink_test_data.ts";
import { createPricePath, symbolSeed } from "../../services/producer/sources/price_path.ts";

const SEED = 7;
const BATCH_TICKS = 2_000;
/** Price moves by as much in the square root of a day. */
const VOLATILITY = 0.02;

/** What ticks there are to be. */
export interface TickShape {
  ticks: number;
  symbols: number;
  /** Event time between one tick and the next, ms: 1 makes a million of them 17 minutes. */
  step_ms: number;
}

/** Event time of the first tick: a Tuesday, at midnight. */
export const FIRST_EVENT_TIME_MS = Date.UTC(2024, 0, 2);

/** The ticks: symbols in turn, each on a price path of its own; the same ones each time. */
export function* makeTicks({ ticks, symbols, step_ms }: TickShape): Generator<Tick> {
  const paths = Array.from({ length: symbols }, (_, at) => {
    const symbol = `SYM${at}`;
    return { symbol, path: createPricePath(symbolSeed(SEED, symbol), VOLATILITY) };
  });
  for (let at = 0; at < ticks; at++) {
    const { symbol, path } = paths[at % symbols]!;
    const timestamp = FIRST_EVENT_TIME_MS + Math.floor(at * step_ms);
    const { price, volume } = path.next(symbols * step_ms, timestamp);
    yield { symbol, price, volume, timestamp, source: "benchmark", trade_id: String(at) };
  }
}

/**
 * Fills a topic, as our producer writes it.
 *
 * @param bootstrap host:port of Kafka.
 * @param topic Empty, and there.
 * @param partitions How many it has.
 * @param shape What ticks.
 */
export async function fillTopic(
  bootstrap: string,
  topic: string,
  partitions: number,
  shape: TickShape,
): Promise<void> {
  const kafka = createKafka(testKafka(bootstrap));
  const sender = await openSender(kafka, "none");
  try {
    let batch: Parameters<typeof sender.send>[0][number][] = [];
    let sending: Promise<void> = Promise.resolve();
    const partition_of = new Map<string, number>();
    for (const tick of makeTicks(shape)) {
      let partition = partition_of.get(tick.symbol);
      if (partition === undefined) {
        partition_of.set(tick.symbol, partition = partitionOf(tick.symbol, partitions));
      }
      const value = JSON.stringify(tick);
      batch.push({ topic, partition, key: tick.symbol, value, timestamp_ms: Date.now() });
      if (batch.length < BATCH_TICKS) continue;
      const full = batch;
      batch = [];
      // The next batch is made while this one is on its way.
      await sending;
      sending = sender.send(full);
    }
    await sending;
    await sender.send(batch);
  } finally {
    await sender.close();
  }
}
