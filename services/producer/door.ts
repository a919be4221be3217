/** The door: every source hands its inputs over here, and the same rules judge them all. */
import { admitTick, farFutureFault, type Tick } from "../../contract/tick.ts";
import type { Metrics } from "../../runtime/metrics.ts";
import { failSpan, openSpan, sampledOf, type Span } from "../../runtime/spans.ts";
import type { Load } from "./load.ts";
import type { LoadQueue } from "./load_queue.ts";
import type { METRICS } from "./metrics.ts";
import type { SourceName } from "./config.ts";
import type { Admission, Door } from "./sources/source.ts";

/**
 * Makes a source's door.
 *
 * @param from The kind of source: the metrics' label.
 * @param topic Where the ticks will go: for their spans.
 * @param queue Where accepted ticks wait.
 * @param metrics Where inputs are counted.
 * @param stopping Ends a wait for room.
 * @param now The clock.
 */
export function createDoor(
  from: SourceName,
  topic: string,
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
      const { traced, span } = traceLoad(load, from, topic);
      const queued = queue.offer(traced);
      if (!queued) endUnqueued(span, "the queue is full");
      metrics.queue_depth.set(queue.depth());
      return queued;
    },
    async put(load) {
      const { traced, span } = traceLoad(load, from, topic);
      const queued = await queue.put(traced, stopping);
      if (!queued) endUnqueued(span, "the producer stops");
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

/**
 * Opens the span of a load: from the door until Kafka has acknowledged all of it. Where its caller
 * belongs to a sampled trace it does too, even where nothing is recorded here.
 */
function traceLoad(load: Load, from: string, topic: string): { traced: Load; span: Span | null } {
  if (load.kind !== "ticks") return { traced: load, span: null };
  const span = openSpan(`create ${topic}`, {
    kind: "PRODUCER",
    parent: load.trace,
    attributes: {
      "messaging.system": "kafka",
      "messaging.operation.name": "create",
      "messaging.operation.type": "create",
      "messaging.destination.name": topic,
      "messaging.batch.message_count": load.ticks.length,
      "tapeline.source": from,
    },
  });
  const trace = sampledOf(span);
  if (trace === null) return { traced: load, span: null };
  const confirmed = (): void => {
    span.end();
    load.confirmed?.();
  };
  return { traced: { ...load, trace, confirmed }, span };
}

function endUnqueued(span: Span | null, why: string): void {
  if (span === null) return;
  failSpan(span, new Error(`The ticks were not taken: ${why}`));
  span.end();
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
