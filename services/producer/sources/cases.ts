/** The cases that every source must pass: each source's test calls `sourceCases`. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { farFutureFault, type Tick, tickFault } from "../../../contract/tick.ts";
import type { SourceName } from "../config.ts";
import { type SourceUnderTest, withSource } from "./test_source.ts";

/** How a source is brought to send, so that the same cases can be asked of each. */
export interface SourceFixture {
  name: SourceName;
  /** What its ticks' `source` is. */
  source: string;
  /** Whether it ends by itself. */
  ends: boolean;
  /** Whether it waits for room; one that can't says how many ticks found none. */
  waits: boolean;
  /**
   * Prepares what the source reads and runs the test with the settings that it needs.
   *
   * @param inputs Good ticks to send, and in place of each null a bad one.
   * @param test Calls `begin` once the source runs, where it has to be sent to.
   */
  prepare(
    inputs: readonly (Tick | null)[],
    test: (
      environment: { [variable: string]: string },
      begin: (under_test: SourceUnderTest) => void,
    ) => Promise<void>,
  ): Promise<void>;
  /** The source makes its own ticks: neither what is sent nor bad inputs can be told it. */
  makes_its_own?: boolean;
}

const GOOD_TICKS = 50;

function goodTicks(source: string, count = GOOD_TICKS): Tick[] {
  return Array.from({ length: count }, (_, index) => ({
    symbol: ["AAPL", "MSFT", "BRK.B"][index % 3]!,
    price: 100 + index / 4,
    volume: index * 10,
    timestamp: 1_700_000_000_000 + index,
    source,
  }));
}

/**
 * Registers the cases for a source.
 *
 * @param fixture The source.
 */
export function sourceCases(fixture: SourceFixture): void {
  const { name, source } = fixture;
  const sent = goodTicks(source);

  async function run(
    inputs: readonly (Tick | null)[],
    environment: { [variable: string]: string },
    test: (under_test: SourceUnderTest) => Promise<void>,
  ): Promise<void> {
    await fixture.prepare(
      inputs,
      (own, begin) =>
        withSource(name, { ...own, ...environment }, async (under_test) => {
          begin(under_test);
          await test(under_test);
        }),
    );
  }

  Deno.test(`source ${name}: every tick is valid and carries the source's name`, async () => {
    await run(sent, {}, async (under_test) => {
      await under_test.takeUntil(() => under_test.ticks.length >= GOOD_TICKS);
      for (const tick of under_test.ticks) {
        strictEqual(tickFault(tick), null);
        strictEqual(farFutureFault(tick.timestamp, Date.now()), null);
        strictEqual(tick.source, source);
      }
    });
  });

  Deno.test(`source ${name}: counts what it received by its kind`, async () => {
    await run(sent, {}, async (under_test) => {
      await under_test.takeUntil(() => under_test.ticks.length >= GOOD_TICKS);
      ok(await under_test.metric("received", { from: name }) >= GOOD_TICKS);
      strictEqual(
        await under_test.metric("received"),
        await under_test.metric("received", {
          from: name,
        }),
      );
    });
  });

  Deno.test(`source ${name}: stops when told, without an error`, async () => {
    await run(sent, {}, async (under_test) => {
      await under_test.takeUntil(() => under_test.ticks.length >= 1);
      await under_test.stop();
    });
  });

  Deno.test(`source ${name}: a full queue holds it back and it stops all the same`, async () => {
    await run(sent, { TAPELINE_QUEUE_TICKS: "10", ...slow }, async (under_test) => {
      if (fixture.waits) {
        await under_test.takeUntil(() => under_test.ticks.length >= GOOD_TICKS);
        strictEqual(await under_test.metric("discarded"), 0);
      } else {
        await until(async () => await under_test.metric("discarded") > 0);
        ok(await under_test.metric("discarded", { reason: "queue_full" }) > 0);
      }
      await under_test.stop();
    });
  });

  if (fixture.ends) {
    Deno.test(`source ${name}: its last word is an end marker with the newest time`, async () => {
      await run(sent, {}, async (under_test) => {
        await under_test.ended();
        strictEqual(under_test.markers.length, 1);
        const { ended, event_time } = under_test.markers[0]!;
        deepStrictEqual({ ended, event_time }, { ended: true, event_time: sent.at(-1)!.timestamp });
      });
    });
  }

  if (fixture.makes_its_own) return;

  Deno.test(`source ${name}: hands over every field, in order`, async () => {
    await run(sent, {}, async (under_test) => {
      await under_test.takeUntil(() => under_test.ticks.length >= GOOD_TICKS);
      deepStrictEqual(under_test.ticks, sent);
    });
  });

  Deno.test(`source ${name}: a bad input is counted, and the good ones around it go on`, async () => {
    await run([...sent.slice(0, 25), null, ...sent.slice(25)], {}, async (under_test) => {
      await under_test.takeUntil(() => under_test.ticks.length >= GOOD_TICKS);
      deepStrictEqual(under_test.ticks, sent);
      strictEqual(await under_test.metric("discarded"), 1);
      strictEqual(await under_test.metric("received"), GOOD_TICKS + 1);
    });
  });
}

/** Batches of one, so that a queue of ten fills. */
const slow = { TAPELINE_BATCH_TICKS: "1" };

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const give_up_at = Date.now() + 20_000;
  while (!await isTrue()) {
    if (Date.now() > give_up_at) throw new Error("Waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
