-- A plain table can't become a partitioned one, so one of the same columns takes its place while
-- it is empty. The sink makes a partition a day, and drops those past the retention.
ALTER TABLE ticks RENAME TO tick_columns;
CREATE TABLE ticks (LIKE tick_columns) PARTITION BY RANGE (ingest_time);
DROP TABLE tick_columns;

-- For timestamps of records that nobody of ours wrote: 0, -1, seconds taken for milliseconds.
CREATE TABLE ticks_before_2025 PARTITION OF ticks
  FOR VALUES FROM (MINVALUE) TO ('2025-01-01 00:00:00+00');
