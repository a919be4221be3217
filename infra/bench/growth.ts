/**
 * What the aggregator costs as things grow: partitions, symbols, the time for which windows are held.
 * One point is one topic of its own; all else is as by default, with all four intervals.
 */
import { INTERVAL_MS } from "../../contract/candle.ts";
import { withServers } from "../local/test_servers.ts";
import { makeTopics } from "../../services/sink/sink_test_data.ts";
import { type AggregatorInput, tapeline } from "./aggregator.ts";
import type { Benchmark, Outcome, Subject } from "./benchmark.ts";
import { inTurns } from "./benchmark.ts";
import { fillTopic } from "./tick_topic.ts";

const TICKS = 1_000_000;
const HOUR_MS = 3_600_000;
const PARTITIONS = 3;
const SYMBOLS = 50;
const ALL_INTERVALS = Object.keys(INTERVAL_MS);

/** One point: what is unlike the usual. */
interface Point {
  subject: string;
  partitions?: number;
  symbols?: number;
  environment?: { [variable: string]: string };
}

const POINTS: readonly Point[] = [
  ...[1, 6, 12].map((partitions) => ({
    subject: `${partitions} partition${partitions === 1 ? "" : "s"}`,
    partitions,
  })),
  // The usual: three partitions and fifty symbols.
  { subject: `${PARTITIONS} partitions` },
  ...[5, 500, 5_000, 50_000].map((symbols) => ({
    subject: `${symbols.toLocaleString("en")} symbols`,
    symbols,
  })),
  {
    subject: "1 h of windows held",
    environment: { TAPELINE_ALLOWED_LATENESS_MS: String(HOUR_MS) },
  },
];

/** Event time goes on so that the ticks make two hours, whatever their number. */
const STEP_MS = 2 * HOUR_MS / TICKS;

export const GROWTH: Benchmark = {
  name: "growth",
  async run(context): Promise<Outcome> {
    return await withServers({ kafka: true }, async (servers) => {
      const subjects: Subject[] = [];
      for (const point of POINTS) {
        const { subject, partitions = PARTITIONS, symbols = SYMBOLS, environment = {} } = point;
        const topics = await makeTopics(servers.bootstrap, `input-${subjects.length}`, partitions);
        context.tell(`filling a topic: ${subject}`);
        await fillTopic(servers.bootstrap, topics.ticks, partitions, {
          ticks: TICKS,
          symbols,
          step_ms: STEP_MS,
        });
        const input: AggregatorInput = { servers, topics, ticks: TICKS, partitions };
        const settings = { TAPELINE_CANDLE_INTERVALS: ALL_INTERVALS.join(), ...environment };
        const { run } = tapeline(input, subject, settings, () => undefined);
        subjects.push({
          name: subject,
          async run(run_name) {
            const measured = await run(run_name);
            // Of each series the newest window of each interval is open to the end.
            const windows_open = symbols * ALL_INTERVALS.length;
            return { ...measured, figures: { ...measured.figures, windows_open } };
          },
        });
      }
      return { runs: await inTurns(subjects, context) };
    });
  },
};
