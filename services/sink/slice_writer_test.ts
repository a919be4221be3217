import { match, rejects, strictEqual } from "node:assert/strict";
import type { Database } from "../../runtime/database.ts";
import { createLogger } from "../../runtime/log.ts";
import { createMetrics } from "../../runtime/metrics.ts";
import { NO_ROWS } from "./copy_rows.ts";
import { METRICS } from "./metrics.ts";
import type { Slice } from "./slice.ts";
import { type WriterOptions, writeSlice } from "./slice_writer.ts";

const SLICE: Slice = {
  ...{ table: "ticks", topic: "ticks", partition: 1, from: 0n, to: 1n },
  ...{ rows: NO_ROWS, replaced: 0, ingest_days: new Set() },
  refused: [{
    record: { offset: "0", timestamp: "0", key: null, value: null },
    fault: { reason: "empty_value", message: "it is empty" },
  }],
};

/** A writer with these answers to its sends; a database is never reached. */
function writerWith(answers: (() => Promise<void>)[]) {
  const { metrics } = createMetrics("sink", METRICS);
  let sends = 0;
  const options: WriterOptions = {
    span: null,
    database: {} as Database,
    owner: { consumer: "sink", cluster_id: "cluster" },
    tick_partitions: null,
    sender: {
      send: () => answers[sends++]!(),
      isStuck: () => false,
      close: () => Promise.resolve(),
    },
    dead_letter_topic: "letters",
    store_deadline_ms: 1_000,
    metrics,
    log: createLogger("sink", "error", () => {}),
    trouble: new Map(),
  };
  return { options, sends: () => sends };
}

Deno.test("letters that Kafka refuses are sent again, and why they wait is told meanwhile", async () => {
  const over = new AbortController();
  const told: (string | undefined)[] = [];
  const refuse = (): Promise<void> => {
    told.push(options.trouble.get("ticks/1"));
    return Promise.reject(new Error("too large"));
  };
  const { options, sends } = writerWith([refuse, refuse, () => Promise.resolve()]);
  options.tick_partitions = {
    // The rows' turn: there is nothing more to look at.
    ensure() {
      told.push(options.trouble.get("ticks/1"));
      over.abort();
      return Promise.reject(new Error("it stops"));
    },
    forget: () => {},
  };
  strictEqual(await writeSlice(options, SLICE, over.signal), "aborted");
  strictEqual(sends(), 3);
  strictEqual(told[0], undefined);
  match(told[1]!, /^Cannot write to letters: too large$/);
  strictEqual(told[2], undefined);
});

Deno.test("a sender that can send no more is not tried again", async () => {
  const type = "OUT_OF_ORDER_SEQUENCE_NUMBER";
  const { options, sends } = writerWith([
    () => Promise.reject(Object.assign(new Error("out of order"), { type })),
  ]);
  await rejects(writeSlice(options, SLICE, new AbortController().signal), /out of order/);
  strictEqual(sends(), 1);
});
