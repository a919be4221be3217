/** Keeps the living line alive: samples the stack once a second. */
import { sleep } from "../../runtime/backoff.ts";
import { METRICS as PRODUCER } from "../../services/producer/metrics.ts";
import { METRICS as SINK } from "../../services/sink/metrics.ts";
import { diskStatus, fullDiskText } from "./disk_room.ts";
import { observe, sampleSum } from "./gauges.ts";
import type { PartStatus } from "./part.ts";
import type { Services } from "./services.ts";
import { statusLine, type StatusSample } from "./status_line.ts";

const SAMPLE_INTERVAL_MS = 1_000;
/** A broker that is away must not hold the line up. */
const BEHIND_DEADLINE_MS = 900;

/** What the line is made from. */
export interface StatusOptions {
  services: Services;
  parts(): PartStatus[];
  /** Where data goes. */
  data_dir: string;
  behind_s(): Promise<number>;
  /** Shows the line. */
  live(line: string): void;
}

/**
 * Shows the line until it is stopped.
 *
 * @param options What it is made from.
 */
export function keepStatusLine(options: StatusOptions): { stop(): Promise<void> } {
  const controller = new AbortController();
  const kept = keep(options, controller.signal);
  return {
    async stop() {
      controller.abort();
      await kept;
      options.live("");
    },
  };
}

async function keep(options: StatusOptions, stopping: AbortSignal): Promise<void> {
  const { parts, data_dir, live } = options;
  let before = await sample(options);
  while (!stopping.aborted) {
    await sleep(SAMPLE_INTERVAL_MS, stopping);
    if (stopping.aborted) return;
    const after = await sample(options);
    const full = await diskStatus(data_dir).then(fullDiskText, () => {
      // A directory that is gone is told by whatever fails without it.
      return null;
    });
    if (!stopping.aborted) live(statusLine(before, after, parts(), full));
    before = after;
  }
}

async function sample(options: StatusOptions): Promise<StatusSample> {
  const { services } = options;
  const [producer, sink, behind_s] = await Promise.all([
    observe(services.named("producer").urls().operations),
    observe(services.named("sink").urls().operations),
    within(options.behind_s(), BEHIND_DEADLINE_MS),
  ]);
  return {
    at_ms: performance.now(),
    ticks_in: sampleSum(producer.metrics, PRODUCER.sent.name, { to: "ticks" }),
    rows_stored: sampleSum(sink.metrics, SINK.rows_stored.name, { table: "ticks" }),
    behind_s,
    replayed: sampleSum(producer.metrics, PRODUCER.replay_progress.name),
  };
}

/** Null where it fails or takes too long: the line then says "?". */
async function within(value: Promise<number>, deadline_ms: number): Promise<number | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), deadline_ms);
  });
  try {
    return await Promise.race([value, late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}
