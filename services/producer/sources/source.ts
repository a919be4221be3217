/** The interface between the producer and its sources. */
import type { Fault, Tick } from "../../../contract/tick.ts";
import type { PartitionReader } from "../../../runtime/kafka_reader.ts";
import type { Logger } from "../../../runtime/log.ts";
import type { Metrics } from "../../../runtime/metrics.ts";
import type { ProducerConfig } from "../config.ts";
import type { Load } from "../load.ts";
import type { METRICS } from "../metrics.ts";

/** What the door made of some inputs. */
export interface Admission {
  ticks: Tick[];
  /** Index of each tick among the inputs. */
  indexes: number[];
  refused: { index: number; fault: Fault }[];
}

/** Where a source hands over what it has. One door per source. */
export interface Door {
  /**
   * Judges inputs by the contract and against the clock, and counts them.
   *
   * @param source What the ticks' `source` is to be.
   * @param inputs Decoded values of any kind.
   */
  admit(source: string, inputs: readonly unknown[]): Admission;
  /** Queues a load now, or says that there is no room. */
  offer(load: Load): boolean;
  /** Queues a load when there is room; false where the producer stops first. */
  put(load: Load): Promise<boolean>;
  /** Counts an input that never was a value to judge (a malformed line or frame). */
  countMalformed(faults: readonly Fault[]): void;
  /** Counts ticks that found no room. */
  countOverflow(ticks: number): void;
  /** Counts a refused input that found no room on its way to the dead letters. */
  countLostLetter(): void;
}

/** What a source is given. */
export interface SourceContext {
  config: ProducerConfig;
  door: Door;
  log: Logger;
  metrics: Metrics<typeof METRICS>;
  /** Aborted when the source is to stop. */
  stopping: AbortSignal;
  /** Connects a reader of the tick topic. */
  openReader(): Promise<PartitionReader>;
  partitions: number;
}

/** A source of ticks. */
export interface Source {
  /** Runs until the source has ended by itself or is told to stop. */
  run(): Promise<void>;
  /** What keeps it from its work, a sentence each; empty when nothing does. */
  missing(): string[];
}

/**
 * Prepares a source: opens what it reads or listens on.
 *
 * @throws ConfigError where what it was told can't be done, so that a restart would not help.
 */
export type OpenSource = (context: SourceContext) => Promise<Source>;
