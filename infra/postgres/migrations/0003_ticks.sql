-- One row a trade, as it came through Kafka.
CREATE TABLE ticks (
  source text NOT NULL,
  symbol text NOT NULL,
  event_time timestamptz NOT NULL,
  price double precision NOT NULL,
  volume double precision NOT NULL,
  trade_id text,
  price_forming boolean NOT NULL,
  -- The record's timestamp: by it the table is partitioned and expires, and the ledger counts.
  ingest_time timestamptz NOT NULL,
  kafka_partition integer NOT NULL,
  kafka_offset bigint NOT NULL,
  trace_id text
);
