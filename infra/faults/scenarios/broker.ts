/** Fault 3: kill -9 of the broker in the middle of transactions. */
import { crc32 } from "node:zlib";
import { sleep, withDeadline } from "../../../runtime/backoff.ts";
import { openReader } from "../../../runtime/kafka_reader.ts";
import { createLogger } from "../../../runtime/log.ts";
import { eventually } from "../../testing/test_service.ts";
import { hitFrame, ofTransaction } from "../hit_frame.ts";
import { API } from "../kafka_proxy.ts";
import type { Platform } from "../platform.ts";
import type { Scenario } from "../scenario.ts";

/** Moments of a transaction: its records under way, its offsets in, its end asked, its end decided. */
const MOMENTS = [
  ofTransaction(API.produce, "request"),
  ofTransaction(API.txn_offset_commit, "reply"),
  ofTransaction(API.end_txn, "request"),
  ofTransaction(API.end_txn, "reply"),
];
const TIMES = 3;
const CALM_MS_MAX = 3_000;
const RESTART_DEADLINE_MS = 60_000;
/** By itself Kafka aborts a transaction after 30 s, and looks for such every 10 s. */
const STABLE_DEADLINE_MS = 20_000;
const FOLLOW_WAIT_MS = 100;

/** Resolves when readers of committed records get past everything that the candle topic holds now. */
async function becomesStable({ connections, config }: Platform): Promise<void> {
  const { reader } = connections;
  const partitions = Array.from({ length: config.tick_partitions }, (_, partition) => partition);
  let ends: bigint[] | null = null;
  const isStable = async (): Promise<boolean> => {
    ends ??= await Promise.all(
      partitions.map((partition) => reader.end(config.candle_topic, partition)),
    );
    for (const partition of partitions) {
      const { last_stable } = await reader.ends(config.candle_topic, partition);
      if (last_stable < ends[partition]!) return false;
    }
    return true;
  };
  await eventually(
    // Whoever judges had connections to the old broker, and the new one may have no leader yet.
    () => withDeadline(isStable(), STABLE_DEADLINE_MS, "A look").catch(() => false),
    "the last stable offsets of the candle topic to go on",
    STABLE_DEADLINE_MS,
  );
}

/** Committed records as one reader saw them, by partition. */
type Sight = string[][];

/** Reads the candle topic while the broker goes and comes, as every reader of candles does. */
function followCandles({ servers, config }: Platform): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const following = follow();
  // It is looked at when the reader is stopped.
  following.catch(() => {});

  async function follow(): Promise<void> {
    const reader = await openReader({
      bootstrap_servers: [servers.kafka.bootstrap],
      client_id: "reader-of-candles",
      log: createLogger("faults", "error", () => {}),
    });
    try {
      const live = newSight();
      const offsets = live.map(() => 0n);
      const readOn = async (sight: Sight, partition: number): Promise<void> => {
        const { records, next_offset } = await reader.fetch(
          config.candle_topic,
          partition,
          offsets[partition]!,
          FOLLOW_WAIT_MS,
        );
        for (const { offset, value } of records) {
          sight[partition]!.push(`${offset} ${crc32(value ?? "")}`);
        }
        offsets[partition] = next_offset;
      };
      while (!stopping.signal.aborted) {
        // While the broker is away nothing can be read.
        for (const partition of offsets.keys()) await readOn(live, partition).catch(() => {});
        await sleep(FOLLOW_WAIT_MS, stopping.signal);
      }
      const ends = [...offsets];
      offsets.fill(0n);
      const again = newSight();
      for (const [partition, end] of ends.entries()) {
        while (offsets[partition]! < end) await readOn(again, partition);
        const seen = live[partition]!;
        const differs = seen.findIndex((record, at) => record !== again[partition]![at]);
        if (seen.length === 0 || differs !== -1) {
          throw new Error(
            `A reader of candles saw ${seen.length} records of partition ${partition}, and of ` +
              `them number ${differs} was another afterwards`,
          );
        }
      }
    } finally {
      await reader.close();
    }
  }

  function newSight(): Sight {
    return Array.from({ length: config.tick_partitions }, () => []);
  }

  return {
    async stop() {
      stopping.abort();
      await withDeadline(following, RESTART_DEADLINE_MS, "Reading the candles once more");
    },
  };
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "broker-killed",
    fault: 3,
    // While the broker is away the producer takes what its queue holds, and no more.
    starves_source: true,
    async inject({ platform, watch, chance }) {
      const { kafka, frames } = platform.servers;
      const reader = followCandles(platform);
      const first = chance.between(0, MOMENTS.length - 1);
      for (let time = 0; time < TIMES; time++) {
        await sleep(chance.between(0, CALM_MS_MAX));
        let open = 0;
        let killed = Promise.resolve();
        await hitFrame(frames, MOMENTS[(first + time) % MOMENTS.length]!, () => {
          open = frames.openTransactions("aggregator");
          killed = kafka.kill();
          return "pass";
        });
        if (open === 0) throw new Error("The broker was killed while no transaction was open");
        await killed;
        await kafka.restart(AbortSignal.timeout(RESTART_DEADLINE_MS));
        await becomesStable(platform);
        await watch.caughtUp();
      }
      await reader.stop();
      return TIMES;
    },
  },
];
