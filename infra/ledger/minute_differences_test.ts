import { deepStrictEqual } from "node:assert/strict";
import { type MayLack, minuteDifferences } from "./minute_differences.ts";
import { emptyMinute, type TickMinute } from "./tick_book.ts";

const NONE: MayLack = { ticks: false, letters: false, rows: false };
const LACKS = ["ticks", "letters", "rows"] as const;
const tally = (count: number, checksum = count) => ({ count, checksum });

/** Ten ticks that everybody has taken. */
function minute(change: (minute: TickMinute) => void = () => {}): TickMinute {
  const whole = emptyMinute();
  whole.in_kafka = whole.accepted = whole.confirmed = tally(10);
  change(whole);
  return whole;
}

/** By which lack alone the differences are explained, and how; "" for none. */
function explainedBy(
  ticks: TickMinute,
  { processed = tally(10), discarded = 0, stored = tally(10) } = {},
): string {
  const excuses = (lack: MayLack) =>
    minuteDifferences(ticks, { processed, discarded }, stored, lack).map(({ excuse }) => excuse);
  deepStrictEqual(excuses(NONE).every((excuse) => excuse === null), true);
  return LACKS.flatMap((name) => {
    const found = excuses({ ...NONE, [name]: true });
    return found.includes(null) ? [] : [`${name} ${found.join(" ")}`];
  }).join(", ");
}

Deno.test("retention explains only what it can cause", () => {
  const cases: [string, TickMinute, Parameters<typeof explainedBy>[1], string][] = [
    [
      "Kafka has fewer than it confirmed",
      minute((m) => m.accepted = tally(12)),
      {},
      "ticks trimmed",
    ],
    ["Kafka has more than it confirmed", minute((m) => m.accepted = tally(9)), {}, ""],
    ["a receipt's checksum", minute((m) => m.accepted = tally(10, 3)), {}, ""],
    ["the sink has more", minute(), { stored: tally(11) }, "ticks trimmed"],
    ["the sink has fewer", minute(), { stored: tally(9) }, "letters trimmed, rows expired"],
    ["the sink's checksum", minute(), { stored: tally(10, 3) }, ""],
    ["the aggregator has more", minute(), { processed: tally(11) }, "ticks trimmed"],
    ["the aggregator has fewer", minute(), { processed: tally(9) }, ""],
    [
      "the aggregator's letters are gone",
      minute(),
      { processed: tally(8), discarded: 2 },
      "letters trimmed trimmed",
    ],
    [
      "a letter is gone and a tick beside it",
      minute(),
      { processed: tally(8), discarded: 1 },
      "",
    ],
    [
      "a letter too many",
      minute((m) => m.stages.aggregator.refused = tally(1)),
      { processed: tally(9) },
      "",
    ],
  ];
  for (const [name, ticks, stages, expected] of cases) {
    deepStrictEqual([name, explainedBy(ticks, stages)], [name, expected]);
  }
});
