/** What came of a platform after its faults: nothing lost, doubled or torn, or where. */
import { createLogger } from "../../runtime/log.ts";
import { DEAD_LETTER_HEADERS } from "../../contract/dead_letter.ts";
import { headerText } from "../../runtime/kafka_record.ts";
import { readRange } from "../../runtime/kafka_reader.ts";
import { audit } from "../ledger/audit.ts";
import { auditOptions } from "../ledger/config.ts";
import { differenceText } from "../ledger/summary.ts";
import { differingCandles } from "../proofs/candle_checks.ts";
import type { Platform } from "./platform.ts";
import { tornWindows } from "./torn_windows.ts";

/** What came of it. */
export interface Verdict {
  /** Ticks that producers were told Kafka has. */
  sent: number;
  /** Of them, those that are neither rows nor dead letters of the sink. */
  lost: number;
  /** Rows of a place in Kafka that has a row already. */
  doubled: number;
  /** Transactions of the aggregator that were held against the ticks. */
  transactions: number;
  /** What is wrong, a sentence each; none: as if nothing had happened. */
  faults: string[];
}

const DRAIN_DEADLINE_MS = 120_000;
const DIFFERENCES_SHOWN = 5;

/**
 * Ends the load, lets everything drain, stops the services in order, and judges.
 *
 * @param platform Its faults are over.
 */
export async function settle(platform: Platform): Promise<Verdict> {
  const { fleet, connections, config } = platform;
  const faults: string[] = [];
  const stopAll = async (stage: "producer" | "aggregator" | "sink"): Promise<void> => {
    const codes = await Promise.all(fleet.of(stage).map((instance) => instance.stop()));
    const wrong = codes.filter((code) => code !== 0);
    if (wrong.length > 0) faults.push(`${stage}: an ordered stop ended with ${wrong.join(", ")}`);
  };
  await stopAll("producer");
  const drained = AbortSignal.timeout(DRAIN_DEADLINE_MS);
  await platform.progress.drained(drained);
  if (drained.aborted) throw new Error(`Not drained within ${DRAIN_DEADLINE_MS / 1000} s`);
  const left = await sessionsLeft(platform);
  if (left > 0) faults.push(`${left} sessions are left idle in a transaction`);
  await Promise.all([stopAll("aggregator"), stopAll("sink")]);
  faults.push(...fleet.unexpected());

  const log = createLogger("faults", "error", () => {});
  const report = await audit(auditOptions(platform.direct, log));
  if (report.verdict !== "balances") {
    faults.push(
      `the ledger: ${report.verdict}`,
      ...report.differences.slice(0, DIFFERENCES_SHOWN).map(differenceText),
    );
  }
  const [rows] = await connections.database.sql`
    select count(*)::float8 as ticks,
      count(distinct (kafka_partition, kafka_offset))::float8 as places from ticks`;
  const doubled = rows!.ticks - rows!.places;
  if (doubled > 0) faults.push(`${doubled} rows are there twice`);
  const differing = await differingCandles(connections.database, { open_too: true });
  if (differing.length > 0) {
    faults.push(`candles differ from their ticks, as ${JSON.stringify(differing[0])}`);
  }
  faults.push(...await undecided(platform));
  const refused = await refusedByAggregator(platform);
  let transactions = 0;
  for (let partition = 0; partition < config.tick_partitions; partition++) {
    const torn = await tornWindows({
      reader: connections.reader,
      tick_topic: config.tick_topic,
      candle_topic: config.candle_topic,
      partition,
      refused: refused.get(partition) ?? new Set(),
    });
    faults.push(...torn.faults);
    transactions += torn.transactions;
  }
  const total = (of: (row: (typeof report.rows)[number]) => number): number =>
    report.rows.reduce((sum, row) => sum + of(row), 0);
  return {
    sent: total((row) => row.accepted.count),
    lost: total((row) => {
      // What was accepted and is not in Kafka is lost too.
      const known = Math.max(row.accepted.count, row.in_kafka.count);
      return Math.max(0, known - row.stored.count - row.sink_letters);
    }),
    doubled,
    transactions,
    faults,
  };
}

/** Sessions that hold a transaction open and do nothing, though nothing is left to do. */
async function sessionsLeft({ connections: { database } }: Platform): Promise<number> {
  const [row] = await database.sql`
    select count(*)::float8 as sessions from pg_stat_activity
    where state like 'idle in transaction%' and datname = current_database()
      and state_change < now() - interval '2 seconds'`;
  return row!.sessions;
}

/** Partitions on which a transaction is still open: readers of committed records wait there. */
async function undecided({ connections: { reader }, config }: Platform): Promise<string[]> {
  const faults: string[] = [];
  for (const topic of [config.tick_topic, config.candle_topic, config.dead_letter_topic]) {
    for (let partition = 0; partition < await reader.partitions(topic); partition++) {
      const { last_stable } = await reader.ends(topic, partition);
      const end = await reader.end(topic, partition);
      if (last_stable !== end) {
        faults.push(`${topic}/${partition} ends at ${end}, and is stable up to ${last_stable}`);
      }
    }
  }
  return faults;
}

/** Offsets of ticks that are in no window since the aggregator refused them, by partition. */
async function refusedByAggregator(
  { connections: { reader }, config }: Platform,
): Promise<Map<number, Set<string>>> {
  const topic = config.dead_letter_topic;
  const { earliest, last_stable } = await reader.ends(topic, 0);
  const refused = new Map<number, Set<string>>();
  for await (const records of readRange(reader, topic, 0, earliest, last_stable)) {
    for (const { headers } of records) {
      if (headerText(headers, DEAD_LETTER_HEADERS.stage) !== "aggregator") continue;
      const partition = Number(headerText(headers, DEAD_LETTER_HEADERS.partition));
      const offsets = refused.get(partition) ?? new Set();
      offsets.add(headerText(headers, DEAD_LETTER_HEADERS.offset)!);
      refused.set(partition, offsets);
    }
  }
  return refused;
}
