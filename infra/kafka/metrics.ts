/**
 * What the broker measures, as jmx_exporter.yml beside this shows it and its JVM's agent adds:
 * names as whoever has run Kafka with that exporter knows them.
 */

/** One metric of the broker's process. */
export interface BrokerMetricRow {
  name: `${"kafka" | "jvm" | "process"}_${string}`;
  /** A summary is two counters: `_sum` and `_count`. */
  kind: "counter" | "gauge" | "summary";
  /** Its unit, as in a service's table. */
  unit: string;
  help: string;
  labels: readonly string[];
}

/** Metrics by the name that code uses. */
type BrokerMetricTable = { readonly [name: string]: BrokerMetricRow };

/** The broker's own figures: each has a rule in jmx_exporter.yml. */
export const BROKER_METRICS = {
  messages_in: {
    name: "kafka_server_brokertopicmetrics_messagesin_total",
    kind: "counter",
    unit: "records",
    help: "Records that producers have written to the topic",
    labels: ["topic"],
  },
  bytes_in: {
    name: "kafka_server_brokertopicmetrics_bytesin_total",
    kind: "counter",
    unit: "bytes",
    help: "Bytes that producers have written to the topic, as they came: compressed",
    labels: ["topic"],
  },
  bytes_out: {
    name: "kafka_server_brokertopicmetrics_bytesout_total",
    kind: "counter",
    unit: "bytes",
    help: "Bytes of the topic that consumers have fetched",
    labels: ["topic"],
  },
  requests: {
    name: "kafka_network_requestmetrics_requests_total",
    kind: "counter",
    unit: "requests",
    help: "Requests of clients, by kind and by version of the protocol",
    labels: ["request", "version"],
  },
  request_errors: {
    name: "kafka_network_requestmetrics_errors_total",
    kind: "counter",
    unit: "errors",
    help: "Errors that the broker has answered, by kind of request and of error",
    labels: ["request", "error"],
  },
  request_time: {
    name: "kafka_network_requestmetrics_totaltimems",
    kind: "gauge",
    unit: "milliseconds",
    help: "How long requests took in the broker; its own quantiles over the last minutes",
    labels: ["request", "quantile"],
  },
  handler_idle: {
    name: "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_ratio",
    kind: "gauge",
    unit: "ratio",
    help: "Share of the last minute in which the threads that work on requests were idle",
    labels: [],
  },
  connections: {
    name: "kafka_server_socketservermetrics_connections",
    kind: "gauge",
    unit: "connections",
    help: "Open connections, by listener and by network thread",
    labels: ["listener", "networkprocessor"],
  },
  log_size: {
    name: "kafka_log_log_size",
    kind: "gauge",
    unit: "bytes",
    help: "Size of the partition on the disk",
    labels: ["topic", "partition"],
  },
  under_replicated: {
    name: "kafka_server_replicamanager_underreplicatedpartitions",
    kind: "gauge",
    unit: "partitions",
    help: "Partitions led here that lack a replica in sync",
    labels: [],
  },
  late_transactions: {
    name: "kafka_server_replicamanager_partitionswithlatetransactionscount",
    kind: "gauge",
    unit: "partitions",
    help: "Partitions with a transaction that is open for longer than any may be",
    labels: [],
  },
  producer_ids: {
    name: "kafka_server_replicamanager_produceridcount",
    kind: "gauge",
    unit: "producers",
    help: "Idempotent and transactional producers that the broker remembers",
    labels: [],
  },
  offset_commits: {
    name: "kafka_server_groupcoordinatormetrics_offsetcommits_total",
    kind: "counter",
    unit: "offsets",
    help: "Offsets that consumer groups have committed, in transactions too",
    labels: [],
  },
  rebalances: {
    name: "kafka_server_groupcoordinatormetrics_completedrebalances_total",
    kind: "counter",
    unit: "rebalances",
    help: "Rebalances of consumer groups that have come to their end",
    labels: [],
  },
  markers_without_broker: {
    name:
      "kafka_coordinator_transaction_transactionmarkerchannelmanager_unknowndestinationqueuesize",
    kind: "gauge",
    unit: "markers",
    help: "Markers of ended transactions that wait for a broker to be known",
    labels: [],
  },
  ends_to_log: {
    name: "kafka_coordinator_transaction_transactionmarkerchannelmanager_logappendretryqueuesize",
    kind: "gauge",
    unit: "transactions",
    help: "Ended transactions whose end is not in the coordinator's log yet, for a fault",
    labels: [],
  },
  active_controllers: {
    name: "kafka_controller_kafkacontroller_activecontrollercount",
    kind: "gauge",
    unit: "controllers",
    help: "1 where this process is the cluster's active controller",
    labels: [],
  },
  offline_partitions: {
    name: "kafka_controller_kafkacontroller_offlinepartitionscount",
    kind: "gauge",
    unit: "partitions",
    help: "Partitions without a leader: nobody can write or read them",
    labels: [],
  },
  fenced_brokers: {
    name: "kafka_controller_kafkacontroller_fencedbrokercount",
    kind: "gauge",
    unit: "brokers",
    help: "Registered brokers that the controller does not let work",
    labels: [],
  },
} as const satisfies BrokerMetricTable;

/** What the exporter adds of the broker's process, by names of its own. */
export const PROCESS_METRICS = {
  memory_used: {
    name: "jvm_memory_used_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "Memory that the JVM uses, by area: heap, nonheap",
    labels: ["area"],
  },
  memory_max: {
    name: "jvm_memory_max_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "Memory that the JVM may use, by area; -1 where there is no limit",
    labels: ["area"],
  },
  collections: {
    name: "jvm_gc_collection_seconds",
    kind: "summary",
    unit: "seconds",
    help: "Garbage collections, by collector: nothing else runs meanwhile",
    labels: ["gc"],
  },
} as const satisfies BrokerMetricTable;

/** All of it. */
export const KAFKA_METRICS: readonly BrokerMetricRow[] = [
  ...Object.values(BROKER_METRICS),
  ...Object.values(PROCESS_METRICS),
];
