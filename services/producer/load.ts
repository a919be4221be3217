/** What waits in the queue: loads of ticks, a marker, or dead letters. */
import type { Tick } from "../../contract/tick.ts";
import type { SpanContext } from "../../runtime/spans.ts";
import type { RefusedInput } from "./refused_input.ts";

/** Ticks of one source, judged and accepted, in the order in which they are to be sent. */
export interface TickLoad {
  kind: "ticks";
  ticks: readonly Tick[];
  /** Of a replay: which run they belong to, and the line of each in the file. */
  replay?: { run: string; lines: readonly number[] };
  /** The sampled trace that they belong to: each takes it along to Kafka. */
  trace?: SpanContext;
  /** Called when Kafka has acknowledged all of them. */
  confirmed?: () => void;
}

/** What a source has reached; it goes to every partition, behind the ticks queued before it. */
export interface MarkerLoad {
  kind: "marker";
  source: string;
  /** Event time reached, ms; null where the source ends without having sent a tick. */
  event_time: number | null;
  ended: boolean;
  /** Of a replay: the run that it ends. */
  run?: string;
  confirmed?: () => void;
}

/** Inputs on their way to the dead letters. */
export interface RefusedLoad {
  kind: "refused";
  inputs: readonly RefusedInput[];
}

export type Load = TickLoad | MarkerLoad | RefusedLoad;

/** A refused input of so many bytes takes as much memory as a tick does. */
const TICK_BYTES = 256;

/**
 * How much room a load takes in the queue, in ticks.
 *
 * @param load The load.
 * @returns At least 1.
 */
export function loadWeight(load: Load): number {
  switch (load.kind) {
    case "ticks":
      return Math.max(1, load.ticks.length);
    case "marker":
      return 1;
    case "refused":
      return load.inputs.reduce(
        (weight, input) => weight + Math.ceil((input.bytes.length + 1) / TICK_BYTES),
        0,
      );
  }
}
