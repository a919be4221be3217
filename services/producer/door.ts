/** The door: every source hands its inputs over here, and the same rules judge them all. */
import { admitTick, farFutureFault, type Tick } from "../../contract/tick.ts";
import type { Metrics } from "../../runtime/metrics.ts";
import type { LoadQueue } from "./load_queue.ts";
import type { METRICS } from "./metrics.ts";
import type { SourceName } from "./config.ts";
import type { Admission, Door } from "./sources/source.ts";

/**
 * Makes a source's door.
 *
 * @param from The kind of source: the metrics' label.
 * @param queue Where accepted ticks wait.
 * @param metrics Where inputs are counted.
 * @param stopping Ends a wait for room.
 * @param now The clock.
 */
export function createDoor(
  from: SourceName,
  queue: LoadQueue,
  metrics: Pick<
    Metrics<typeof METRICS>,
    "received" | "discarded" | "errors" | "last_event_time" | "queue_depth"
  >,
  stopping: AbortSignal,
  now: () => number = Date.now,
): Door {
  return {
    admit(source, inputs) {
      const now_ms = now();
      const admission: Admission = { ticks: [], indexes: [], refused: [] };
      for (let index = 0; index < inputs.length; index++) {
        const judged = judge(source, inputs[index], now_ms);
        if ("tick" in judged) {
          admission.ticks.push(judged.tick);
          admission.indexes.push(index);
        } else {
          admission.refused.push({ index, fault: judged.fault });
          metrics.discarded.inc({ reason: judged.fault.reason });
        }
      }
      if (inputs.length > 0) metrics.received.inc({ from }, inputs.length);
      const last = admission.ticks.at(-1);
      if (last) metrics.last_event_time.set({ from }, last.timestamp / 1_000);
      return admission;
    },
    offer(load) {
      const queued = queue.offer(load);
      metrics.queue_depth.set(queue.depth());
      return queued;
    },
    async put(load) {
      const queued = await queue.put(load, stopping);
      metrics.queue_depth.set(queue.depth());
      return queued;
    },
    countMalformed(faults) {
      if (faults.length > 0) metrics.received.inc({ from }, faults.length);
      for (const { reason } of faults) metrics.discarded.inc({ reason });
    },
    countOverflow: (ticks) => metrics.discarded.inc({ reason: "queue_full" }, ticks),
    countLostLetter: () => metrics.errors.inc({ kind: "dead_letter_lost" }),
  };
}

function judge(
  source: string,
  input: unknown,
  now_ms: number,
): ReturnType<typeof admitTick> {
  const judged = admitTick(source, input);
  if ("fault" in judged) return judged;
  const fault = farFutureFault((judged.tick satisfies Tick).timestamp, now_ms);
  return fault ? { fault } : judged;
}
