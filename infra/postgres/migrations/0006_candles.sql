CREATE TABLE candles (
  source text NOT NULL,
  symbol text NOT NULL,
  interval text NOT NULL,
  window_start timestamptz NOT NULL,
  open double precision,
  high double precision,
  low double precision,
  close double precision,
  volume double precision NOT NULL,
  vwap double precision,
  average_price double precision,
  sliding_average_price double precision,
  trades bigint NOT NULL,
  change_pct double precision,
  final boolean NOT NULL,
  PRIMARY KEY (source, symbol, interval, window_start)
);
CREATE INDEX candles_symbol_window_start ON candles (symbol, window_start);
