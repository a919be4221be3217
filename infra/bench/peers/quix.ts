/** Quix Streams: a window for each symbol in its state, told after every tick. */
import type { Peer } from "./peer.ts";
import { startProcesses } from "./peer_process.ts";
import { installPython, peerFile, pinnedVersion } from "./python_install.ts";

const WORKERS = Number(Deno.env.get("WORKERS") ?? 2);
let environment_dir: string | null = null;

/** Quix Streams, one process a core. */
export const quix: Peer = {
  name: "Quix Streams",
  version: pinnedVersion("quix", "quixstreams"),
  settings: [
    "2 processes in one consumer group, one a core (README: scale using Kafka's consumer groups)",
    "processing_guarantee as the run asks for (docs, configuration)",
    "windows by hand in its state, sdf.apply(stateful=True) (docs, advanced/stateful-processing): " +
    "tumbling_window().agg(Reduce).current() took half as much CPU again, with " +
    "closing_strategy=partition a quarter",
    "a candle after every tick: it has no timer, and .final() never tells the last window",
    "commit_interval 1 s (docs, advanced/checkpointing; default 5): no slower than 5",
    "producer's linger.ms and batch.size as librdkafka has them: 100 ms and 1 MB changed nothing",
    "JSON by orjson, state in RocksDB with changelog topics (all default)",
  ],
  async install(progress, stopping) {
    environment_dir = await installPython("quix", progress, stopping);
  },
  start(run) {
    if (environment_dir === null) throw new Error("Quix Streams is not installed: install() first");
    const command = [`${environment_dir}/bin/python`, peerFile("quix", "candles.py")];
    return startProcesses(command, run, WORKERS);
  },
};
