-- Where each consumer goes on: moved in the transaction that stores the rows, so that the two
-- cannot disagree. The cluster is named so that another Kafka's offsets are never taken for ours.
CREATE TABLE kafka_offsets (
  consumer text NOT NULL,
  cluster_id text NOT NULL,
  topic text NOT NULL,
  partition integer NOT NULL,
  next_offset bigint NOT NULL CHECK (next_offset >= 0),
  PRIMARY KEY (consumer, cluster_id, topic, partition)
)
-- One row changes at each batch: room on the page lets Postgres prune it without index work.
WITH (fillfactor = 20);
