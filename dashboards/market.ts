/** The market: candles, VWAP and volume, straight from the database. */
import type { Board } from "./board.ts";

const CHOSEN = "source = '$source' AND interval = '$interval'";

export const BOARD: Board = {
  name: "market",
  title: "Market",
  description: "Candles, VWAP, volume and change by symbol, straight from the table of candles.",
  sql_variables: [
    { name: "source", label: "Source", sql: "SELECT DISTINCT source FROM candles ORDER BY 1" },
    { name: "symbol", label: "Symbol", sql: "SELECT DISTINCT symbol FROM candles ORDER BY 1" },
    {
      name: "interval",
      label: "Interval",
      sql: "SELECT DISTINCT interval FROM candles ORDER BY 1",
    },
  ],
  rows: [
    {
      title: "One symbol",
      panels: [
        {
          title: "Candles",
          description:
            "Open, high, low, close and volume of the chosen symbol; the last candle may " +
            "be open still.",
          kind: "sql_candles",
          unit: "none",
          sql: "SELECT window_start AS time, open, high, low, close, volume FROM candles WHERE " +
            `$__timeFilter(window_start) AND symbol = '$symbol' AND ${CHOSEN} ORDER BY 1`,
        },
        {
          title: "VWAP and average",
          description: "Volume weighted, mean and sliding mean price of the chosen symbol.",
          kind: "sql_lines",
          unit: "none",
          sql:
            "SELECT window_start AS time, vwap, average_price, sliding_average_price FROM candles " +
            `WHERE $__timeFilter(window_start) AND symbol = '$symbol' AND ${CHOSEN} ORDER BY 1`,
        },
        {
          title: "Trades",
          description: "Ticks in each window of the chosen symbol.",
          kind: "sql_bars",
          unit: "short",
          sql: "SELECT window_start AS time, trades FROM candles WHERE " +
            `$__timeFilter(window_start) AND symbol = '$symbol' AND ${CHOSEN} ORDER BY 1`,
        },
        {
          title: "Ticks",
          description:
            "Prices as they came, with what time passed from event to ingest; by event " +
            "time, over the index.",
          kind: "sql_lines",
          unit: "none",
          sql: "SELECT event_time AS time, price FROM ticks WHERE $__timeFilter(event_time) AND " +
            "ingest_time >= $__timeFrom()::timestamptz - interval '60 seconds' AND " +
            "source = '$source' AND symbol = '$symbol' ORDER BY 1 LIMIT 10000",
        },
      ],
    },
    {
      title: "All symbols",
      panels: [
        {
          title: "Volume",
          description: "Volume of each window, by symbol.",
          kind: "sql_bars",
          unit: "short",
          sql: "SELECT window_start AS time, symbol AS metric, volume FROM candles WHERE " +
            `$__timeFilter(window_start) AND ${CHOSEN} ORDER BY 1`,
        },
        {
          title: "Change",
          description: "Close against open of each window, by symbol.",
          kind: "sql_lines",
          unit: "percent",
          sql: "SELECT window_start AS time, symbol AS metric, change_pct FROM candles WHERE " +
            `$__timeFilter(window_start) AND ${CHOSEN} ORDER BY 1`,
        },
        {
          title: "Newest candles",
          description: "The newest candle of each symbol.",
          kind: "sql_table",
          unit: "none",
          sql:
            "SELECT DISTINCT ON (symbol) symbol, window_start, open, high, low, close, volume, " +
            "vwap, trades, change_pct, final FROM candles WHERE $__timeFilter(window_start) AND " +
            `${CHOSEN} ORDER BY symbol, window_start DESC`,
        },
      ],
    },
  ],
  alerts: [],
};
