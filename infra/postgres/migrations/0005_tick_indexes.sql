CREATE INDEX ticks_symbol_event_time ON ticks (symbol, event_time);
-- Rows come in nearly in the order of ingest_time, so that a few bytes a page find a minute.
CREATE INDEX ticks_ingest_time ON ticks USING brin (ingest_time) WITH (pages_per_range = 32);
