/** What the aggregator is measured against. */
import type { Progress } from "../../local/start_fault.ts";

/** What a run of a peer is to do. */
export interface PeerRun {
  bootstrap: string;
  input_topic: string;
  output_topic: string;
  group: string;
  guarantee: "exactly_once" | "at_least_once";
  /** A directory that is the run's own: state, logs. */
  dir: string;
}

/** A running peer. */
export interface RunningPeer {
  pid: number;
  /** Ends it, and waits until it has ended. */
  stop(): Promise<void>;
}

/** A peer: set up by the benchmark itself, at a pinned version. */
export interface Peer {
  name: string;
  version: string;
  /** Its settings that matter and where its documentation recommends them, for the report. */
  settings: readonly string[];
  /**
   * Fetches and builds it below .tapeline/tools, once; in a directory whose name has a hash of what
   * is pinned, so that another pin is another install.
   */
  install(progress: Progress, stopping: AbortSignal): Promise<void>;
  start(run: PeerRun): RunningPeer;
}
