/** Faust: windows by hand over batches of events, kept in a table. */
import { dirname } from "node:path";
import type { Peer } from "./peer.ts";
import { startProcesses } from "./peer_process.ts";
import { installPython, peerFile, pinnedVersion } from "./python_install.ts";

let environment_dir: string | null = null;

/** Faust, in one worker. */
export const faust: Peer = {
  name: "Faust",
  version: pinnedVersion("faust", "faust-streaming"),
  settings: [
    "one worker: two (docs, userguide/workers) were no faster on 2 cores with a broker beside them, " +
    "and with exactly_once the rebalance at their start ended one with ProducerSendError",
    "processing_guarantee as the run asks for (docs, includes/settingref)",
    "windows by hand in a Table, written once a batch of stream.take_events(4000, within=1) (docs, " +
    "userguide/streams): a windowed Table sends a changelog record for every tick",
    "broker_commit_interval 1 s (default 2.8)",
    "uvloop, orjson and the compiled extensions (docs, introduction: faust-streaming[fast,uvloop]); " +
    "uvloop took a tenth off the CPU time",
    "stream_buffer_maxsize at its default of 4096: 131072, which the docs name for throughput, was " +
    "slower; cython_optimizations made no difference",
    "tables in memory (store memory://, its default), restored from their changelog topic",
  ],
  async install(progress, stopping) {
    environment_dir = await installPython("faust", progress, stopping);
  },
  start(run) {
    if (environment_dir === null) throw new Error("Faust is not installed: install() first");
    const command = [
      ...[`${environment_dir}/bin/python`, "-B", "-m", "faust", "--app", "candles"],
      ...[
        "--workdir",
        dirname(peerFile("faust", "candles.py")),
        "--loop",
        "uvloop",
      ],
      ...["worker", "--loglevel", "info", "--without-web"],
    ];
    return startProcesses(command, run, 1);
  },
};
