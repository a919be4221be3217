-- Long chunks: 23 years of daily candles are 23 chunks, not thousands.
SELECT create_hypertable('candles', by_range('window_start', INTERVAL '365 days'),
  create_default_indexes => false);
