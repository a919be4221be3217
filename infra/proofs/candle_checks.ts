/** What proofs ask of stored candles. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Database } from "../../runtime/database.ts";
import type { Bar } from "../testing/shared_data.ts";

/** A stored candle, times in ms; as deepStrictEqual compares it. */
export interface StoredCandle {
  source: string;
  symbol: string;
  interval: string;
  window_start: number;
  open: number | null;
  high: number | null;
  low: number | null;
  close: number | null;
  volume: number;
  vwap: number | null;
  average_price: number | null;
  trades: number;
  change_pct: number | null;
  final: boolean;
}

/**
 * Reads all stored candles, in the order of their keys. The sliding average is left out: it is null
 * for a while after a restart.
 */
export async function storedCandles({ sql }: Database): Promise<StoredCandle[]> {
  const rows = await sql`
    select source, symbol, "interval", (extract(epoch from window_start) * 1000)::float8
        as window_start, open, high, low, close, volume, vwap, average_price, trades::float8,
      change_pct, final
    from candles order by source, symbol, "interval", window_start`;
  return rows.map((row) => ({ ...row }) as StoredCandle);
}

/**
 * Holds stored candles against the bars that must come out.
 *
 * @param source The candles' source.
 * @param bars What must be there, exactly.
 */
export function assertBars(
  candles: readonly StoredCandle[],
  source: string,
  bars: readonly Bar[],
): void {
  const found = new Map(
    candles.filter((candle) => candle.source === source).map((candle) => [
      `${candle.symbol} ${candle.interval} ${candle.window_start}`,
      candle,
    ]),
  );
  const differing = bars.flatMap((bar) => {
    const candle = found.get(`${bar.symbol} ${bar.interval} ${bar.window_start}`);
    const same = candle !== undefined && candle.final && candle.open === bar.open &&
      candle.high === bar.high && candle.low === bar.low && candle.close === bar.close &&
      candle.volume === bar.volume;
    return same ? [] : [{ bar, candle }];
  });
  deepStrictEqual(differing, [], `${differing.length} of ${bars.length} bars differ`);
}

/**
 * Holds every stored candle against a plain recomputation from the stored ticks in SQL: prices and
 * counts exactly, VWAP, average and volume to a relative 1e-9.
 */
export async function assertRecomputed(database: Database): Promise<void> {
  deepStrictEqual([...await differingCandles(database)], []);
}

/**
 * The first few stored candles that differ from a plain recomputation from the stored ticks in SQL.
 *
 * @param open_too Windows may be open still: a live source that was stopped leaves such.
 */
export async function differingCandles(
  { sql }: Database,
  { open_too = false } = {},
): Promise<readonly unknown[]> {
  return await sql`
    with expected as (
      select source, symbol, "interval", window_start,
        (array_agg(price order by event_time, kafka_offset) filter (where price_forming))[1] as open,
        max(price) filter (where price_forming) as high,
        min(price) filter (where price_forming) as low,
        (array_agg(price order by event_time desc, kafka_offset desc)
          filter (where price_forming))[1] as close,
        sum(volume) as volume, count(*) as trades,
        avg(price) filter (where price_forming) as average_price,
        sum(price * volume) filter (where price_forming)
          / nullif(sum(volume) filter (where price_forming), 0) as vwap
      from ticks, lateral (values ('1m', interval '1 minute'), ('5m', interval '5 minutes'),
        ('15m', interval '15 minutes'), ('1h', interval '1 hour')) as lengths("interval", length),
        lateral (select date_bin(length, event_time, timestamptz '1900-01-01Z')) as bins(window_start)
      group by source, symbol, "interval", window_start
    )
    select * from expected full join candles using (source, symbol, "interval", window_start)
    where (expected.open, expected.high, expected.low, expected.close, expected.trades)
        is distinct from (candles.open, candles.high, candles.low, candles.close,
          candles.trades::bigint)
      or not (candles.final or ${open_too})
      or abs(expected.volume - candles.volume) > 1e-9 * expected.volume
      or (expected.vwap is null) <> (candles.vwap is null)
      or abs(expected.vwap - candles.vwap) > 1e-9 * expected.vwap
      or (expected.average_price is null) <> (candles.average_price is null)
      or abs(expected.average_price - candles.average_price) > 1e-9 * expected.average_price
      or abs(candles.change_pct - (candles.close - candles.open) / candles.open * 100) > 1e-9
    limit 5`;
}

/**
 * Holds the sliding average of every stored candle (all final, of one run without a restart) against
 * a plain recomputation from the stored ticks in SQL, to a relative 1e-9: the mean of the
 * price-forming prices whose whole second lies in the span that ends with the window's last moment
 * (services/aggregator/sliding_average.ts).
 *
 * @param span_seconds As configured.
 */
export async function assertSlidingAverages(
  { sql }: Database,
  span_seconds: number,
): Promise<void> {
  const differing = await sql`
    with points as (
      select source, symbol, floor(extract(epoch from event_time))::bigint as second, price,
        null::text as "interval", null::timestamptz as window_start
      from ticks where price_forming
      union all
      -- The last moment of a window is a millisecond before its end.
      select source, symbol, floor(extract(epoch from window_start) + length_seconds - 0.001)::bigint,
        null, "interval", window_start
      from candles
        join (values ('1m', 60), ('5m', 300), ('15m', 900), ('1h', 3600))
          as lengths("interval", length_seconds) using ("interval")
    ), means as (
      select points.*, avg(price) over (partition by source, symbol order by second
        range between ${span_seconds - 1}::bigint preceding and current row) as mean
      from points
    ), expected as (
      select source, symbol, "interval", window_start, mean from means where "interval" is not null
    )
    select *, sliding_average_price
    from candles full join expected using (source, symbol, "interval", window_start)
    where (mean is null) <> (sliding_average_price is null)
      or abs(mean - sliding_average_price) > 1e-9 * mean
      or not final
    limit 5`;
  deepStrictEqual([...differing], []);
  const [known] = await sql`
    select count(sliding_average_price)::float8 as known, count(*)::float8 as candles from candles`;
  ok(known!.known > known!.candles / 2, `${known!.known} of ${known!.candles} are known`);
}

/** Holds the number of stored ticks, and that none is there twice. */
export async function assertTicks({ sql }: Database, expected: number): Promise<void> {
  const [row] = await sql`
    select count(*)::float8 as ticks,
      count(distinct (kafka_partition, kafka_offset))::float8 as places
    from ticks`;
  strictEqual(row!.ticks, expected);
  strictEqual(row!.places, expected);
}
