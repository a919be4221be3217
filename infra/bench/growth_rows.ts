/** What storing costs as `ticks` grows: the same ticks into a table of a thousand rows, of millions. */
import { makeTopics, withDatabase } from "../../services/sink/sink_test_data.ts";
import type { TestServers } from "../local/test_servers.ts";
import type { Benchmark, Outcome } from "./benchmark.ts";
import { inTurns } from "./benchmark.ts";
import { type SinkInput, sinkSubject } from "./sink.ts";
import { FILLER_SOURCE, makeTables, STATEMENT_TIMEOUT_MS, sumOfTicks } from "./tick_rows.ts";
import { fillTopic } from "./tick_topic.ts";
import { withTracedServers } from "./traced_servers.ts";

const ROWS = [1_000, 100_000, 1_000_000, 5_000_000, 20_000_000];
const PARTITIONS = 3;
const SHAPE = { ticks: 1_000_000, symbols: 50, step_ms: 1 };

/** A database whose `ticks` has so many rows, all of today: the partition that is written into. */
async function filledDatabase(servers: TestServers, rows: number): Promise<string> {
  const url = await servers.newDatabase();
  await makeTables(url);
  await withDatabase(
    url,
    async ({ sql }) => {
      await sql`
      INSERT INTO ticks (source, symbol, event_time, price, volume, trade_id, price_forming,
        ingest_time, kafka_partition, kafka_offset)
      SELECT ${FILLER_SOURCE}, 'SYM' || row % ${SHAPE.symbols},
        '2024-01-01'::timestamptz + row * interval '1 ms', 100 + row % 100, 1 + row % 10,
        row::text, true, now(), row % 3, row
      FROM generate_series(1, ${rows}) AS row`;
      await sql`ANALYZE ticks`;
    },
    1,
    STATEMENT_TIMEOUT_MS,
  );
  return url;
}

/** A copy of it. */
async function copyOf(servers: TestServers, filled_url: string): Promise<string> {
  const url = await servers.newDatabase();
  const [filled, copy] = [filled_url, url].map((each) => new URL(each).pathname.slice(1));
  await withDatabase(
    servers.database_url,
    async ({ sql }) => {
      await sql.unsafe(`DROP DATABASE ${copy}`);
      await sql.unsafe(`CREATE DATABASE ${copy} TEMPLATE ${filled} STRATEGY file_copy`);
    },
    1,
    STATEMENT_TIMEOUT_MS,
  );
  return url;
}

export const GROWTH_ROWS: Benchmark = {
  name: "growth-rows",
  async run(context): Promise<Outcome> {
    const options = { kafka: true, postgres: true };
    return await withTracedServers(options, context, async (servers, trace_endpoint) => {
      const topics = await makeTopics(servers.bootstrap, "input");
      await fillTopic(servers.bootstrap, topics.ticks, PARTITIONS, SHAPE);
      const input: SinkInput = { servers, topics, wanted: sumOfTicks(SHAPE), trace_endpoint };
      const subjects = [];
      for (const rows of ROWS) {
        context.tell(`filling a table: ${rows.toLocaleString("en")} rows`);
        const filled_url = await filledDatabase(servers, rows);
        subjects.push(
          sinkSubject(
            input,
            `${rows.toLocaleString("en")} rows`,
            () => copyOf(servers, filled_url),
          ),
        );
      }
      return { runs: await inTurns(subjects, context) };
    });
  },
};
