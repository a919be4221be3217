import { Buffer } from "node:buffer";
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { TICK_HASH_SQL, tickHash } from "../../contract/ledger.ts";
import { PRICE_MAX, type Tick, tickFault, VOLUME_MAX } from "../../contract/tick.ts";
import { withServers } from "../../infra/local/test_servers.ts";
import type { Database } from "../../runtime/database.ts";
import { candleSlice } from "./candle_slice.ts";
import { migrate } from "./migrate.ts";
import { withHangingProxy } from "./hanging_proxy.ts";
import {
  countTicks,
  someTicks,
  startPosition,
  storedPositions,
  tickMessages,
  withDatabase,
} from "./sink_test_data.ts";
import { PositionMovedError, storeFault, storeSlice } from "./store.ts";
import { createTickPartitions } from "./tick_partitions.ts";
import { tickSlice } from "./tick_slice.ts";
import type { Slice } from "./slice.ts";
import { claimPosition, type PositionOwner } from "./position.ts";

const DEADLINE_MS = 10_000;

function sliceOf(ticks: readonly Tick[], from: bigint): Slice {
  const place = { topic: "ticks", partition: 0, from, to: from + BigInt(ticks.length) };
  const slice = tickSlice(tickMessages(ticks, Number(from)), place, Date.now());
  deepStrictEqual(slice.refused, []);
  return slice;
}

async function prepare(database: Database): Promise<PositionOwner> {
  await migrate(database);
  await createTickPartitions(database).ensure(sliceOf(someTicks(1), 0n).ingest_days);
  return await startPosition(database);
}

/** Sessions of the sink that are in a transaction, as the server sees them. */
async function openTransactions({ sql }: Database): Promise<number> {
  const rows = await sql`
    SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND (state LIKE 'idle in transaction%' OR state = 'active')`;
  return rows.length;
}

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 })
  .filter((text) => tickFault({ ...someTicks(1)[0], symbol: text }) === null);

const tick: fc.Arbitrary<Tick> = fc.record({
  source: name,
  symbol: name,
  price: fc.oneof(
    fc.double({ min: Number.MIN_VALUE, max: PRICE_MAX, noNaN: true }),
    fc.constantFrom(Number.MIN_VALUE, 1e-7, 0.1, 1, 1 / 3, PRICE_MAX),
  ),
  volume: fc.oneof(
    fc.double({ min: 0, max: VOLUME_MAX, noNaN: true }),
    fc.constantFrom(0, -0, 5e-324, VOLUME_MAX),
  ),
  timestamp: fc.oneof(
    fc.integer({ min: -2_208_988_800_000, max: 253_402_300_799_999 }),
    fc.constantFrom(-2_208_988_800_000, -1, 0, 2 ** 32, -(2 ** 32), 253_402_300_799_999),
  ),
  trade_id: fc.string({ unit: "binary", maxLength: 128 }).filter((id) =>
    !id.includes("\0") && id.length <= 128
  ),
  price_forming: fc.boolean(),
}, { requiredKeys: ["source", "symbol", "price", "volume", "timestamp"] });

/** Trade ids of every length, in characters of one, two, three and four bytes. */
function idsOfEveryLength(): Tick[] {
  return ["a", "é", "€", "🙂"].flatMap((character) =>
    Array.from({ length: 129 }, (_, length) => character.repeat(length))
      .filter((trade_id) => trade_id.length <= 128)
      .map((trade_id) => ({ ...someTicks(1)[0]!, trade_id }))
  );
}

Deno.test("storing slices in a real Postgres", async (test) => {
  await withServers({ postgres: true }, async (servers) => {
    await test.step("any valid tick reads back as it was, with the ledger's hash", async () => {
      await withDatabase(await servers.newDatabase(), async (database) => {
        const owner = await prepare(database);
        const awkward = [
          "\t",
          "\n",
          "\r\n",
          "\\",
          "\\.",
          "\\N",
          "a\\tb",
          "'",
          '"',
          " ",
          "",
          "\b\f\v",
        ]
          .map((trade_id) => ({ ...someTicks(1)[0]!, trade_id, symbol: "A\\.B" }));
        const ticks = [
          ...fc.sample(tick, { numRuns: 4_000, seed: 20_260_101 }),
          ...idsOfEveryLength(),
          ...awkward,
        ];
        await storeSlice(database, owner, sliceOf(ticks, 0n), DEADLINE_MS);
        const rows = await database.sql.unsafe(
          `SELECT source, symbol, price, volume, trade_id, price_forming,
             (extract(epoch from event_time) * 1000)::bigint AS timestamp, ${TICK_HASH_SQL} AS hash
           FROM ticks ORDER BY kafka_offset`,
        );
        strictEqual(rows.length, ticks.length);
        for (const [index, sent] of ticks.entries()) {
          const { timestamp, hash, ...fields } = rows[index]!;
          deepStrictEqual({ ...fields, timestamp: Number(timestamp) }, {
            ...sent,
            volume: sent.volume + 0,
            trade_id: sent.trade_id ?? null,
            price_forming: sent.price_forming ?? true,
          });
          strictEqual(Number(hash), tickHash(sent), `hash of ${JSON.stringify(sent)}`);
        }
      });
    });

    await test.step("a candle's newest record is its row, whatever was there", async () => {
      await withDatabase(await servers.newDatabase(), async (database) => {
        await migrate(database);
        const owner = await startPosition(database, "candles");
        const candle = {
          source: "test",
          symbol: "A\\B",
          interval: "1m",
          window_start: -60_000,
          open: 1,
          high: 2,
          low: 0.1,
          close: 1.5,
          volume: 3,
          trades: 1,
          vwap: null,
          average_price: 1,
          sliding_average_price: null,
          change_pct: 50,
          final: false,
        };
        const [message] = tickMessages(someTicks(1));
        for (const [from, close] of [[0n, 1.5], [1n, 1.75]] as const) {
          const record = { ...message!, value: Buffer.from(JSON.stringify({ ...candle, close })) };
          const place = { topic: "candles", partition: 0, from, to: from + 1n };
          await storeSlice(database, owner, candleSlice([record], place), DEADLINE_MS);
        }
        const rows = await database.sql`SELECT * FROM candles`;
        deepStrictEqual([...rows], [{
          ...candle,
          window_start: new Date(-60_000),
          trades: "1",
          close: 1.75,
        }]);
      });
    });

    await test.step("a slice whose position has moved is refused whole", async () => {
      await withDatabase(await servers.newDatabase(), async (database) => {
        const owner = await prepare(database);
        const slice = sliceOf(someTicks(10), 0n);
        await storeSlice(database, owner, slice, DEADLINE_MS);
        await rejects(storeSlice(database, owner, slice, DEADLINE_MS), PositionMovedError);
        deepStrictEqual(await countTicks(database), { rows: 10, places: 10 });
        deepStrictEqual(await storedPositions(database, "ticks"), [10n]);
      });
    });

    await test.step("a former owner that stores during a claim is no reason to refuse it", async () => {
      await withDatabase(await servers.newDatabase(), async (database) => {
        const owner = await prepare(database);
        const readEnds = async () => {
          await storeSlice(database, owner, sliceOf(someTicks(10), 0n), DEADLINE_MS);
          // The end as it was before those ten came in.
          return { earliest: 0n, last_stable: 5n };
        };
        deepStrictEqual(await claimPosition(database, owner, "ticks", 0, readEnds), {
          next_offset: 0n,
          trimmed: 0n,
        });
        // A position that is out of date stores nothing.
        const late = storeSlice(database, owner, sliceOf(someTicks(10), 0n), DEADLINE_MS);
        await rejects(late, PositionMovedError);
      });
    });

    await test.step("of two at once that hold one position, one stores and one is refused", async () => {
      await withDatabase(await servers.newDatabase(), async (database) => {
        const owner = await prepare(database);
        const slice = sliceOf(someTicks(3_000), 0n);
        const outcomes = await Promise.allSettled([
          storeSlice(database, owner, slice, DEADLINE_MS),
          storeSlice(database, owner, slice, DEADLINE_MS),
        ]);
        const refused = outcomes.filter((outcome) => outcome.status === "rejected");
        strictEqual(refused.length, 1);
        strictEqual(storeFault(refused[0]!.reason), "position_moved");
        deepStrictEqual(await countTicks(database), { rows: 3_000, places: 3_000 });
      });
    });

    await test.step("a refused COPY says why at once, and leaves no transaction open", async () => {
      const url = await servers.newDatabase();
      await withDatabase(url, async (database) => {
        const owner = await prepare(database);
        await database.sql`ALTER TABLE ticks ADD CHECK (price <> 100.5)`;
        // Row 500 is refused; the second slice is large enough to be refused while it is written.
        for (const count of [1_000, 60_000]) {
          const slice = sliceOf(someTicks(count), 0n);
          await rejects(storeSlice(database, owner, slice, DEADLINE_MS), (error: Error) => {
            strictEqual(storeFault(error), "row_refused");
            return /ticks_price_check/.test(error.message);
          });
        }
        deepStrictEqual(await countTicks(database), { rows: 0, places: 0 });
        await storeSlice(database, owner, sliceOf(someTicks(400), 0n), DEADLINE_MS);
        deepStrictEqual(await countTicks(database), { rows: 400, places: 400 });
        await withDatabase(url, async (other) => strictEqual(await openTransactions(other), 0));
      });
    });

    await test.step("a missing partition is told from a refused row", async () => {
      await withDatabase(await servers.newDatabase(), async (database) => {
        await migrate(database);
        const owner = await startPosition(database);
        const slice = sliceOf(someTicks(5), 0n);
        await rejects(
          storeSlice(database, owner, slice, DEADLINE_MS),
          (error) => storeFault(error) === "partition_missing",
        );
      });
    });

    await test.step("a connection that hangs is cut at the deadline, and the next one works", async () => {
      const url = await servers.newDatabase();
      await withHangingProxy(url, async (proxy) => {
        await withDatabase(proxy.url, async (database) => {
          const owner = await prepare(database);
          proxy.hang();
          await rejects(
            storeSlice(database, owner, sliceOf(someTicks(10), 0n), 300),
            (error) => storeFault(error) === "database",
          );
          proxy.resume();
          await storeSlice(database, owner, sliceOf(someTicks(10), 0n), DEADLINE_MS);
          deepStrictEqual(await countTicks(database), { rows: 10, places: 10 });
        }, 1);
      });
    });
  });
});
