import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { withDeadline } from "../../runtime/backoff.ts";
import type { OutgoingRecord, Sender } from "../../runtime/kafka_sender.ts";
import { recordBytes } from "../../runtime/send_sizes.ts";
import type { Tick } from "../../contract/tick.ts";
import { createBatcher } from "./batch.ts";
import { createDispatcher, type Dispatcher } from "./dispatcher.ts";
import { createLoadQueue, type LoadQueue } from "./load_queue.ts";
import { createReceipts } from "./receipts.ts";

interface Sent {
  bytes: number;
  kind: "tick" | "marker" | "dead_letter";
  partition: number | undefined;
  value: string;
}

/** A dispatcher whose sender is held until it is told to go on. */
function underTest(options: { batch_interval_ms?: number; fails?: boolean } = {}): {
  queue: LoadQueue;
  dispatcher: Dispatcher;
  /** What each send held. */
  sends: Sent[][];
  hold: () => () => void;
} {
  const queue = createLoadQueue(100_000);
  const sends: Sent[][] = [];
  let gate: Promise<void> = Promise.resolve();
  const sender: Sender = {
    async send(records: readonly OutgoingRecord[]) {
      if (records.length === 0) return;
      sends.push(records.map((record) => {
        const { topic, partition, value, headers } = record;
        const kind = headers?.["tapeline-record"] ? "marker" : "tick";
        return {
          bytes: recordBytes(record),
          kind: topic === "dead" ? "dead_letter" : kind,
          partition,
          value: String(value),
        };
      }));
      if (options.fails && sends.length > 1) throw new Error("Kafka refuses the batch");
      await gate;
    },
    isStuck: () => false,
    close: () => Promise.resolve(),
  };
  const target = { topic: "ticks", partitions: 2 };
  const dispatcher = createDispatcher({
    queue,
    takeBatch: createBatcher(queue, target, { ticks: 10, bytes: 100_000 }),
    sender,
    markers: { ...target, run: "r", receipts: createReceipts(2) },
    tick_topic: "ticks",
    dead_letter_topic: "dead",
    batch_ticks: 10,
    batch_interval_ms: options.batch_interval_ms ?? 0,
    onConfirmed: () => {},
  });
  return {
    queue,
    dispatcher,
    sends,
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
  };
}

const tick: Tick = { symbol: "AAPL", price: 1, volume: 1, timestamp: 1, source: "test" };

/** Ticks that the markers of all sends confirm. */
function confirmedTicks(sends: Sent[][]): number {
  return sends.flat().filter(({ kind }) => kind === "marker")
    .flatMap(({ value }) => JSON.parse(value).confirmed as { ticks: number }[])
    .reduce((sum, { ticks }) => sum + ticks, 0);
}

Deno.test("a run begins with a marker in each partition and ends with all receipts", async () => {
  const { queue, dispatcher, sends } = underTest();
  for (let count = 0; count < 25; count++) queue.offer({ kind: "ticks", ticks: [tick] });
  dispatcher.drain();
  await dispatcher.run();
  deepStrictEqual(sends[0]!.map(({ kind, partition }) => [kind, partition]), [
    ["marker", 0],
    ["marker", 1],
  ]);
  strictEqual(sends.flat().filter(({ kind }) => kind === "tick").length, 25);
  strictEqual(sends.at(-1)![0]!.kind, "marker");
  strictEqual(confirmedTicks(sends), 25);
});

Deno.test("receipts stand at the head of a batch, before its ticks", async () => {
  const { queue, dispatcher, sends } = underTest();
  queue.offer({ kind: "ticks", ticks: [tick] });
  queue.offer({ kind: "marker", source: "test", event_time: 1, ended: false });
  queue.offer({ kind: "ticks", ticks: [tick] });
  dispatcher.drain();
  await dispatcher.run();
  for (const send of sends) {
    const kinds = send.map(({ kind }) => kind);
    deepStrictEqual(kinds, [...kinds].sort(), "a marker stands behind a tick");
  }
  strictEqual(confirmedTicks(sends), 2);
});

Deno.test("when it is quiet, receipts go out by themselves", async () => {
  const { queue, dispatcher, sends } = underTest();
  const confirmed = async (ticks: number): Promise<void> => {
    while (confirmedTicks(sends) < ticks) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const running = dispatcher.run();
  queue.offer({ kind: "ticks", ticks: [tick] });
  await confirmed(1);
  // Receipts have just gone out: those of the next tick wait for others to go with.
  queue.offer({ kind: "ticks", ticks: [tick] });
  const started_at = performance.now();
  await confirmed(2);
  const waited_ms = performance.now() - started_at;
  ok(waited_ms > 100 && waited_ms < 1_000, `${waited_ms} ms`);
  dispatcher.drain();
  await running;
  strictEqual(confirmedTicks(sends), 2);
});

Deno.test("only one send is under way, and confirmations wait for it", async () => {
  const { queue, dispatcher, sends, hold } = underTest();
  const release = hold();
  let confirmed = false;
  const running = dispatcher.run();
  queue.offer({ kind: "ticks", ticks: [tick], confirmed: () => confirmed = true });
  await new Promise((resolve) => setTimeout(resolve, 20));
  strictEqual(sends.length, 1);
  strictEqual(confirmed, false);
  release();
  dispatcher.drain();
  await running;
  strictEqual(confirmed, true);
});

Deno.test("refused inputs are sent before the ticks that follow them", async () => {
  const { queue, dispatcher, sends } = underTest();
  const fault = { reason: "not_json", message: "" } as const;
  const input = { source: "s", line: 3, bytes: new Uint8Array([1]), fault };
  queue.offer({ kind: "refused", inputs: [input] });
  queue.offer({ kind: "ticks", ticks: [tick] });
  dispatcher.drain();
  await dispatcher.run();
  deepStrictEqual(sends.slice(1, 3).map((send) => send.at(-1)!.kind), ["dead_letter", "tick"]);
});

Deno.test("many refused inputs go in sends that the broker takes, all before what follows", async () => {
  const { queue, dispatcher, sends } = underTest();
  const fault = { reason: "price_invalid", message: "price must be a number" } as const;
  const inputs = Array.from(
    { length: 30_000 },
    (_, at) => ({ source: "s", line: at + 1, bytes: new Uint8Array(8), fault }),
  );
  queue.offer({ kind: "refused", inputs });
  queue.offer({ kind: "ticks", ticks: [tick] });
  dispatcher.drain();
  await dispatcher.run();
  for (const send of sends) {
    ok(send.reduce((sum, { bytes }) => sum + bytes, 0) < 1_000_000, `${send.length} in a send`);
  }
  const kinds = sends.slice(1).flat().map(({ kind }) => kind).filter((kind) => kind !== "marker");
  deepStrictEqual([kinds.length, kinds.indexOf("tick")], [30_001, 30_000]);
});

Deno.test("a tick goes at once after a quiet while, and those within an interval together", async () => {
  const { queue, dispatcher, sends } = underTest({ batch_interval_ms: 200 });
  const ticksOf = (send: Sent[]) => send.filter(({ kind }) => kind === "tick").length;
  const running = dispatcher.run();
  const started_at_ms = performance.now();
  for (let count = 0; count < 3; count++) {
    queue.offer({ kind: "ticks", ticks: [tick] });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const batches = () => sends.map(ticksOf).filter((ticks) => ticks > 0);
  deepStrictEqual(batches(), [1]);
  while (batches().length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  deepStrictEqual(batches(), [1, 2]);
  ok(performance.now() - started_at_ms >= 195, "the second send came within the interval");
  dispatcher.drain();
  await running;
});

Deno.test("a clock that is set back by an hour holds no tick up, and no receipt", async () => {
  const { queue, dispatcher, sends } = underTest({ batch_interval_ms: 5 });
  const trueNow = Date.now;
  const confirmed = Promise.withResolvers<void>();
  queue.offer({ kind: "ticks", ticks: [tick], confirmed: confirmed.resolve });
  Date.now = () => trueNow() - 3_600_000;
  try {
    const running = dispatcher.run();
    await withDeadline(confirmed.promise, 5_000, "Sending the tick");
    const give_up_at_ms = performance.now() + 5_000;
    while (confirmedTicks(sends) === 0 && performance.now() < give_up_at_ms) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    strictEqual(confirmedTicks(sends), 1);
    dispatcher.drain();
    await running;
  } finally {
    Date.now = trueNow;
  }
});

Deno.test("what waits and what is on its way is not confirmed yet", async () => {
  const { queue, dispatcher, sends, hold } = underTest();
  const running = dispatcher.run();
  for (let count = 0; count < 15; count++) queue.offer({ kind: "ticks", ticks: [tick] });
  const goOn = hold();
  while (sends.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  deepStrictEqual([queue.depth(), dispatcher.unconfirmed()], [5, 15]);
  goOn();
  dispatcher.drain();
  await running;
  strictEqual(dispatcher.unconfirmed(), 0);
});

Deno.test("a batch that Kafka refuses ends the run, and confirms nothing", async () => {
  const { queue, dispatcher } = underTest({ fails: true });
  let confirmed = false;
  queue.offer({ kind: "ticks", ticks: [tick], confirmed: () => confirmed = true });
  await rejects(dispatcher.run(), /Kafka refuses the batch/);
  strictEqual(confirmed, false);
});
