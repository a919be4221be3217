"""Candles of one minute with Flink SQL: one process, whose Java child does the work."""

import json
import os
import signal
import sys
import time

from pyflink.java_gateway import get_gateway
from pyflink.table import EnvironmentSettings, TableEnvironment

TICKS = """
CREATE TABLE ticks (
  symbol STRING,
  price DOUBLE,
  volume DOUBLE,
  `timestamp` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = '{input_topic}',
  'properties.bootstrap.servers' = '{bootstrap}',
  'properties.group.id' = '{group}',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json'
)"""

CANDLES = """
CREATE TABLE candles (
  symbol STRING,
  window_start BIGINT,
  `open` DOUBLE,
  high DOUBLE,
  low DOUBLE,
  `close` DOUBLE,
  volume DOUBLE,
  vwap DOUBLE,
  average_price DOUBLE,
  trades BIGINT,
  PRIMARY KEY (symbol, window_start) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = '{output_topic}',
  'properties.bootstrap.servers' = '{bootstrap}',
  'properties.transaction.timeout.ms' = '600000',
  'key.format' = 'json',
  'value.format' = 'json',
  'sink.delivery-guarantee' = '{sink_guarantee}',
  'sink.transactional-id-prefix' = '{group}'
)"""

# A window's row is updated while ticks come: a windowing TVF would tell the last one only when the
# next has begun. Markers have no symbol.
AGGREGATE = """
INSERT INTO candles
SELECT
  symbol,
  window_start,
  FIRST_VALUE(price),
  MAX(price),
  MIN(price),
  LAST_VALUE(price),
  SUM(volume),
  SUM(price * volume) / SUM(volume),
  AVG(price),
  COUNT(*)
FROM (
  SELECT symbol, price, volume, `timestamp` - MOD(`timestamp`, 60000) AS window_start
  FROM ticks
  WHERE symbol IS NOT NULL
)
GROUP BY symbol, window_start"""


def settings(run, connector_jar):
    return {
        "pipeline.jars": f"file://{connector_jar}",
        "pipeline.object-reuse": "true",
        "parallelism.default": "2",
        "execution.checkpointing.interval": "1 s",
        "execution.checkpointing.mode": run["guarantee"].upper(),
        "execution.checkpointing.dir": f"file://{run['dir']}/checkpoints",
        "table.exec.mini-batch.enabled": "true",
        "table.exec.mini-batch.allow-latency": "1 s",
        "table.exec.mini-batch.size": "50000",
        "table.exec.state.ttl": "1 h",
    }


def main(run, connector_jar):
    stopped = False

    def stop(*_):
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    environment = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for name, value in settings(run, connector_jar).items():
        environment.get_config().set(name, value)
    names = {**run, "sink_guarantee": run["guarantee"].replace("_", "-")}
    environment.execute_sql(TICKS.format(**names))
    environment.execute_sql(CANDLES.format(**names))
    job = environment.execute_sql(AGGREGATE).get_job_client()
    while not stopped:
        if job.get_job_status().result().name in ("FAILED", "CANCELED", "FINISHED"):
            job.get_job_execution_result().result()
            sys.exit("The job has ended by itself")
        time.sleep(0.5)
    # Finishes the last transaction. pyflink's own stop_with_savepoint calls a Java method that Flink 2
    # no longer has.
    form = get_gateway().jvm.org.apache.flink.core.execution.SavepointFormatType.NATIVE
    job._j_job_client.stopWithSavepoint(False, f"file://{run['dir']}/savepoints", form).get()


if __name__ == "__main__":
    main(json.loads(os.environ["PEER_RUN"]), sys.argv[1])
