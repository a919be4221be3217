SELECT create_hypertable('ticks', by_range('ingest_time', INTERVAL '1 day'),
  create_default_indexes => false);
ALTER TABLE ticks SET (
  timescaledb.compress,
  timescaledb.compress_segmentby = 'symbol',
  timescaledb.compress_orderby = 'event_time'
);
-- A chunk is compressed once no tick is written into it any more. How long ticks are kept is
-- configured, so the sink sets that policy.
SELECT add_compression_policy('ticks', compress_after => INTERVAL '2 days');
