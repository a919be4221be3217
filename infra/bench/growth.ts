/**
 * What the aggregator costs as things grow: partitions, symbols, the time for which windows are held.
 * One point is one topic of its own; with all four intervals, a flush every 100 ms as beside the
 * peers, and all else as by default.
 */
import { INTERVAL_MS } from "../../contract/candle.ts";
import { withServers } from "../local/test_servers.ts";
import { makeTopics } from "../../services/sink/sink_test_data.ts";
import { type AggregatorInput, FLUSHES, FLUSHES_TOLD, tapeline } from "./aggregator.ts";
import type { Benchmark, Outcome, Subject } from "./benchmark.ts";
import { inTurns } from "./benchmark.ts";
import { compareTrades } from "./candle_topic.ts";
import { fillTopic } from "./tick_topic.ts";

/** So many that most of a run is warm. */
const TICKS = 3_000_000;
const HOUR_MS = 3_600_000;
const PARTITIONS = 3;
const SYMBOLS = 50;
const ALL_INTERVALS = Object.keys(INTERVAL_MS);

/** One point: what is unlike the usual. */
interface Point {
  subject: string;
  partitions?: number;
  symbols?: number;
  ticks?: number;
  environment?: { [variable: string]: string };
}

const POINTS: readonly Point[] = [
  ...[1, 6, 12].map((partitions) => ({
    subject: `${partitions} partition${partitions === 1 ? "" : "s"}`,
    partitions,
  })),
  // The usual: three partitions and fifty symbols.
  { subject: `${PARTITIONS} partitions` },
  ...[5, 500, 5_000].map((symbols) => ({
    subject: `${symbols.toLocaleString("en")} symbols`,
    symbols,
  })),
  // Nearly every tick makes windows of its own there, so that fewer will do.
  { subject: "50,000 symbols", symbols: 50_000, ticks: 1_000_000 },
  {
    subject: "1 h of windows held",
    environment: { TAPELINE_ALLOWED_LATENESS_MS: String(HOUR_MS) },
  },
];

/** Event time goes on so that the ticks make two hours, whatever their number. */
const SPAN_MS = 2 * HOUR_MS;

export const GROWTH: Benchmark = {
  name: "growth",
  async run(context): Promise<Outcome> {
    return await withServers({ kafka: true }, async (servers) => {
      const subjects: Subject[] = [];
      for (const point of POINTS) {
        const { subject, environment = {} } = point;
        const { partitions = PARTITIONS, symbols = SYMBOLS, ticks = TICKS } = point;
        const topics = await makeTopics(servers.bootstrap, `input-${subjects.length}`, partitions);
        context.tell(`filling a topic: ${subject}`);
        await fillTopic(servers.bootstrap, topics.ticks, partitions, {
          ticks,
          symbols,
          step_ms: SPAN_MS / ticks,
        });
        const input: AggregatorInput = { servers, topics, ticks, partitions };
        const settings = {
          ...FLUSHES,
          TAPELINE_CANDLE_INTERVALS: ALL_INTERVALS.join(),
          ...environment,
        };
        let windows_open = 0;
        const { run } = tapeline(input, subject, settings, (candles) => {
          windows_open = candles.open;
          return compareTrades(candles, ticks);
        });
        subjects.push({
          name: subject,
          async run(run_name) {
            const measured = await run(run_name);
            return { ...measured, figures: { ...measured.figures, windows_open } };
          },
        });
      }
      const settings = {
        "every point": [
          `${
            TICKS.toLocaleString("en")
          } ticks of two hours of event time; all four intervals; not ` +
          "traced",
          FLUSHES_TOLD,
        ],
        "50,000 symbols": ["1,000,000 ticks"],
      };
      return { settings, runs: await inTurns(subjects, context) };
    });
  },
};
