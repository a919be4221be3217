SELECT create_hypertable('ticks', by_range('ingest_time', INTERVAL '1 day'),
  create_default_indexes => false);

DO $$
BEGIN
  -- The Apache-licensed build refuses what is below; the sink drops expired chunks itself there.
  IF current_setting('timescaledb.license', true) = 'apache' THEN
    RAISE NOTICE 'TimescaleDB runs under the Apache licence: ticks are not compressed';
    RETURN;
  END IF;
  ALTER TABLE ticks SET (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'symbol',
    timescaledb.compress_orderby = 'event_time'
  );
  -- A chunk is compressed once no tick is written into it any more. How long ticks are kept is
  -- configured, so the sink sets that policy.
  PERFORM add_compression_policy('ticks', compress_after => INTERVAL '2 days');
END
$$;
