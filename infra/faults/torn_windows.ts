/**
 * What a reader of committed records sees of the candle topic: after each transaction the windows
 * hold exactly the ticks below the offset that the same transaction committed. A transaction that is
 * torn, lost or doubled shows at once.
 */
import type { CandleRecord } from "../../contract/candle.ts";
import { candleKey } from "../../contract/candle.ts";
import { RECORD_KIND_HEADER, type StateRecord } from "../../contract/records.ts";
import { decodeTick } from "../../contract/tick.ts";
import { headerText } from "../../runtime/kafka_record.ts";
import { type PartitionReader, readRange, type ReadRecord } from "../../runtime/kafka_reader.ts";

/** Where it is read. */
export interface TornWindowsOptions {
  reader: PartitionReader;
  tick_topic: string;
  candle_topic: string;
  partition: number;
  /** Ticks of this reason are in no window, as the aggregator's letters say: by offset. */
  refused: ReadonlySet<string>;
}

const FAULTS_SHOWN = 3;

/**
 * Reads a partition whole and holds every transaction against the ticks.
 *
 * @returns What does not fit, in words, and how many transactions were looked at.
 */
export async function tornWindows(
  options: TornWindowsOptions,
): Promise<{ faults: string[]; transactions: number }> {
  const { reader, tick_topic, candle_topic, partition } = options;
  const offsets = (await readWhole(reader, tick_topic, partition))
    .filter((record) => headerText(record.headers, RECORD_KIND_HEADER) === null)
    .filter((record) => !options.refused.has(record.offset) && "tick" in decodeTick(record.value))
    .map((record) => Number(record.offset));
  const trades = new Map<string, number>();
  const faults: string[] = [];
  let total = 0;
  let below = 0;
  let transactions = 0;
  for (const record of await readWhole(reader, candle_topic, partition)) {
    const kind = headerText(record.headers, RECORD_KIND_HEADER);
    if (kind === null) {
      const candle = JSON.parse(text(record)) as CandleRecord;
      if (candle.interval !== "1m") continue;
      const { source, symbol, interval, window_start } = candle;
      const key = candleKey(source, symbol, interval, window_start);
      total += candle.trades - (trades.get(key) ?? 0);
      trades.set(key, candle.trades);
    } else if (kind === "state") {
      const next_offset = Number((JSON.parse(text(record)) as StateRecord).next_offset);
      if (below > 0 && offsets[below - 1]! >= next_offset) {
        faults.push(`the state at offset ${record.offset} goes back to tick ${next_offset}`);
      }
      while (below < offsets.length && offsets[below]! < next_offset) below++;
      transactions++;
      if (total !== below) {
        faults.push(
          `at offset ${record.offset} the windows hold ${total} ticks, and ${below} lie below ` +
            `the committed offset ${next_offset}`,
        );
      }
    }
    if (faults.length >= FAULTS_SHOWN) break;
  }
  if (faults.length === 0 && below !== offsets.length) {
    faults.push(`${offsets.length - below} ticks are in no transaction`);
  }
  return { faults: faults.map((fault) => `partition ${partition}: ${fault}`), transactions };
}

async function readWhole(
  reader: PartitionReader,
  topic: string,
  partition: number,
): Promise<ReadRecord[]> {
  const { earliest, last_stable } = await reader.ends(topic, partition);
  const records: ReadRecord[] = [];
  for await (const batch of readRange(reader, topic, partition, earliest, last_stable)) {
    records.push(...batch);
  }
  return records;
}

function text(record: ReadRecord): string {
  return record.value!.toString();
}
