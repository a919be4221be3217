import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { ONLY_STAGE_HEADER, RECORD_KIND_HEADER } from "../../contract/records.ts";
import { exitCode, summarize } from "./summary.ts";
import type { Tally } from "./tally.ts";
import {
  bookOf,
  judged,
  marker,
  messages,
  MINUTE,
  OURS,
  receiptFor,
  type Sent,
  tallyOf,
  tickOf,
  ticks,
} from "./test_books.ts";
import { TICK_STAGES } from "./tick_book.ts";

const FOUR = [tickOf(1), tickOf(2), tickOf(3), tickOf(4)];
const PLAIN: readonly Sent[] = [marker([]), ...ticks(1, 2, 3, 4), marker([receiptFor(FOUR)])];

function set(tallies: Map<number, Tally>, change: (tally: Tally) => Tally): void {
  tallies.set(MINUTE, change(tallies.get(MINUTE)!));
}

Deno.test("what every stage has taken balances", () => {
  const report = judged(bookOf({ sent: PLAIN }));
  deepStrictEqual(messages(report), []);
  strictEqual(report.verdict, "balances");
  strictEqual(exitCode(report), 0);
  match(summarize(report), /^The ledger balances: 4 ticks in 1 minute are accepted/);
});

Deno.test("an empty topic balances", () => {
  strictEqual(judged(bookOf({ sent: [] })).verdict, "balances");
});

Deno.test("a tick that Kafka lost is the producer's difference", () => {
  const lost = [...PLAIN.slice(0, 3), ...PLAIN.slice(4)];
  const report = judged(bookOf({ sent: lost }));
  deepStrictEqual(messages(report), ["producer: Kafka holds 1 fewer than the producer was told"]);
  strictEqual(exitCode(report), 1);
});

Deno.test("a tick that is in Kafka twice is the producer's difference", () => {
  const doubled = [...PLAIN.slice(0, 3), PLAIN[2]!, ...PLAIN.slice(3)];
  deepStrictEqual(messages(judged(bookOf({ sent: doubled }))), [
    "producer: Kafka holds 1 more than the producer was told",
  ]);
});

Deno.test("a lost tick and a doubled one do not cancel", () => {
  const swapped = [marker([]), ...ticks(1, 1, 3, 4), marker([receiptFor(FOUR)])];
  const [message, ...others] = messages(judged(bookOf({ sent: swapped })));
  match(message!, /^producer: .*by count \(4\) and not by checksum/);
  deepStrictEqual(others, []);
});

Deno.test("a stage that lost, doubled or altered a tick is named, with the minute", () => {
  const book = bookOf({ sent: PLAIN });
  set(book.stored, ({ count, checksum }) => ({ count: count - 3, checksum }));
  const report = judged(book);
  match(
    summarize(report),
    /does not balance: partition 1, minute 2013-10-07 13:31: the sink has stored 3 fewer than Kafka holds$/,
  );
  const other = bookOf({ sent: PLAIN });
  const { processed } = other.aggregator.get(MINUTE)!;
  processed.count++;
  set(other.stored, ({ count, checksum }) => ({ count, checksum: checksum + 1 }));
  const [aggregator, sink] = messages(judged(other));
  strictEqual(aggregator, "aggregator: the aggregator has processed 1 more than Kafka holds");
  match(sink!, /^sink: .*by count \(4\) and not by checksum: a tick was altered/);
});

Deno.test("rows of a minute that Kafka does not hold are a difference", () => {
  const book = bookOf({ sent: PLAIN });
  book.stored.set(MINUTE + 60_000, { count: 2, checksum: 7 });
  deepStrictEqual(messages(judged(book)), [
    "sink: the sink has stored 2 more than Kafka holds",
  ]);
});

Deno.test("a row that is stored twice is named by its offset", () => {
  const report = judged(bookOf({ sent: PLAIN }), {
    doubled: [{ partition: 1, offset: "3", rows: 2 }],
  });
  strictEqual(
    summarize(report),
    "The ledger does not balance: partition 1: offset 3 is in the ticks table 2 times",
  );
});

Deno.test("dead letters make up for what a stage did not take, valid ticks or not", () => {
  const sent = [marker([]), ...ticks(1, 2, 3, 4), marker([receiptFor(FOUR)]), {
    value: "{cut",
    producer_id: "7",
  }];
  // Offset 3 was late for the aggregator alone; offset 6 is no tick to anybody.
  const report = judged(bookOf({ sent, refused: { aggregator: [3, 6], sink: [6] } }));
  deepStrictEqual(messages(report), []);
  const [row] = report.rows;
  deepStrictEqual(
    [row!.processed.count, row!.aggregator_letters, row!.stored.count, row!.sink_letters],
    [3, 2, 4, 1],
  );
  strictEqual(row!.invalid, 1);
});

Deno.test("a refusal without its dead letter is a difference", () => {
  const book = bookOf({ sent: PLAIN, refused: { aggregator: [2] } });
  book.ticks.minutes.get(MINUTE)!.stages.aggregator.refused = { count: 0, checksum: 0 };
  deepStrictEqual(messages(judged(book)), [
    "aggregator: the aggregator has refused 1 and its dead letters are 0",
    "aggregator: the aggregator has processed 1 fewer than Kafka holds",
  ]);
});

Deno.test("a tick that is both stored and in the sink's dead letters is a difference", () => {
  const book = bookOf({ sent: PLAIN, refused: { sink: [2] } });
  book.stored.set(MINUTE, tallyOf(FOUR));
  deepStrictEqual(messages(judged(book)), [
    "sink: the sink has stored 1 more than Kafka holds beside its 1 dead letters",
  ]);
});

Deno.test("a dead letter that points to no record is a difference", () => {
  deepStrictEqual(messages(judged(bookOf({ sent: PLAIN, refused: { sink: [99] } }))), [
    "sink: 1 dead letters of the sink point to no record of the topic",
  ]);
});

Deno.test("a malformed marker in the dead letters is no tick", () => {
  const sent = [...PLAIN, { value: "{", headers: { [RECORD_KIND_HEADER]: "marker" } }];
  const book = bookOf({ sent, refused: { aggregator: [6] } });
  book.aggregator.get(MINUTE)!.discarded = 0;
  deepStrictEqual(messages(judged(book)), ["producer: 1 markers hold receipts that can't be read"]);
  sent[6] = { ...sent[6]!, producer_id: "7" } as Sent;
  const by_others = bookOf({ sent, refused: { aggregator: [6] } });
  by_others.aggregator.get(MINUTE)!.discarded = 0;
  deepStrictEqual(messages(judged(by_others)), []);
});

Deno.test("records of others are listed apart, and the stages must still have taken them", () => {
  const sent = [...PLAIN, { value: tickOf(5), producer_id: "-1" }, {
    value: tickOf(6),
    producer_id: "7",
  }];
  const report = judged(bookOf({ sent }));
  deepStrictEqual(messages(report), []);
  strictEqual(report.rows[0]!.foreign.count, 2);
  strictEqual(report.rows[0]!.stored.count, 6);
  match(summarize(report), /2 records written by others/);
  const book = bookOf({ sent });
  set(book.stored, ({ count, checksum }) => ({ count: count - 1, checksum }));
  strictEqual(judged(book).verdict, "differs");
});

Deno.test("a marker of a producer that is not idempotent makes nobody ours", () => {
  const sent = [...PLAIN, { value: tickOf(5), producer_id: "-1" }, marker([], "-1")];
  const report = judged(bookOf({ sent }));
  strictEqual(report.rows[0]!.foreign.count, 1);
  strictEqual(report.verdict, "balances");
});

Deno.test("what a killed producer left behind its last receipt is shown, and no difference", () => {
  const report = judged(bookOf({ sent: [...PLAIN, ...ticks(5, 6)] }));
  deepStrictEqual(messages(report), []);
  strictEqual(report.rows[0]!.unconfirmed.count, 2);
  match(summarize(report), /2 ticks behind a producer's last receipt/);
});

Deno.test("a producer that stopped to give receipts is a difference", () => {
  const later = { value: tickOf(6), timestamp_ms: MINUTE + 61_000 };
  deepStrictEqual(messages(judged(bookOf({ sent: [...PLAIN, ...ticks(5), later] }))), [
    "producer: Kafka producer 1000 has sent 2 ticks over 61 s without a receipt for them",
  ]);
});

Deno.test("each producer's receipts cover its own ticks only", () => {
  const sent = [
    marker([]),
    marker([], "2000"),
    ...ticks(1),
    { value: tickOf(2), producer_id: "2000" },
    marker([receiptFor([tickOf(1)])]),
    marker([receiptFor([tickOf(2)])], "2000"),
  ];
  deepStrictEqual(messages(judged(bookOf({ sent }))), []);
});

Deno.test("ticks of a producer that marks other partitions only are ours, without a receipt", () => {
  const sent = [...PLAIN, { value: tickOf(5), producer_id: "2000" }];
  const book = bookOf({ sent });
  const other = bookOf({ sent: [marker([], "2000")] });
  other.partition = 2;
  deepStrictEqual(messages(judged(book, { partitions: [book, other] })), [
    "producer: Kafka producer 2000 has sent 1 ticks here without a marker, which it sends " +
    "elsewhere: no receipt covers them",
  ]);
  deepStrictEqual(messages(judged(book, { partitions: [book] })), []);
  // Its markers may have been trimmed with all that came before.
  book.ticks.trimmed_to = MINUTE;
  deepStrictEqual(messages(judged(book, { partitions: [book, other] })), []);
});

Deno.test("a minute that a stage has not passed is pending, and hides no other", () => {
  const next = MINUTE + 60_000;
  const fifth = tickOf(5);
  const sent = [
    ...PLAIN,
    { value: fifth, timestamp_ms: next },
    marker([receiptFor([fifth], next)]),
  ];
  const book = bookOf({ sent });
  book.positions.sink = 6;
  book.stored.delete(next);
  const report = judged(book);
  deepStrictEqual(report.rows.map((row) => row.verdict), ["balanced", "pending"]);
  strictEqual(report.verdict, "balances");
  match(summarize(report), /1 minute pending/);
  book.positions.sink = 2;
  const none = judged(book);
  strictEqual(none.verdict, "not_judged");
  strictEqual(exitCode(none), 2);
  match(summarize(none), /partition 1 ends at 8, aggregator at 8, sink at 2/);
});

Deno.test("a late record makes its minute pending again", () => {
  const next = MINUTE + 60_000;
  const sent = [...PLAIN, { value: tickOf(5), timestamp_ms: next }, ...ticks(6)];
  const book = bookOf({ sent });
  book.positions.aggregator = 7;
  deepStrictEqual(judged(book).rows.map((row) => row.verdict), ["pending", "balanced"]);
});

Deno.test("a position past the topic's end is a difference", () => {
  const book = bookOf({ sent: PLAIN });
  book.positions.sink = 900;
  deepStrictEqual(messages(judged(book)), [
    "sink: the sink is at offset 900, past the topic's end 6",
  ]);
});

Deno.test("minutes that retention has cut are trimmed, later ones are judged", () => {
  const next = MINUTE + 60_000;
  const later = [marker([], "2000", next), {
    value: tickOf(9),
    producer_id: "2000",
    timestamp_ms: next,
  }, marker([receiptFor([tickOf(9)], next)], "2000", next)];
  // The first two of four ticks are gone, and so is the producer's first marker.
  const book = bookOf({ sent: [...PLAIN.slice(3), ...later], earliest: 3 });
  book.stored.set(MINUTE, tallyOf(FOUR));
  book.stored.set(MINUTE - 60_000, { count: 5, checksum: 5 });
  const report = judged(book);
  deepStrictEqual(report.rows.map((row) => row.verdict), ["trimmed", "trimmed", "balanced"]);
  strictEqual(report.verdict, "balances");
  book.stored.set(next, { count: 0, checksum: 0 });
  strictEqual(judged(book).verdict, "differs");
});

Deno.test("the first receipt that survives may name a later minute than the oldest record", () => {
  const next = MINUTE + 60_000;
  const sent = [{ value: tickOf(1), producer_id: "7" }, {
    value: tickOf(3),
    timestamp_ms: next,
  }, marker([receiptFor([tickOf(2), tickOf(3)], next)], OURS, next)];
  const report = judged(bookOf({ sent, earliest: 10 }));
  deepStrictEqual(report.rows.map((row) => row.verdict), ["balanced", "trimmed"]);
});

Deno.test("dead letters that have expired make their minutes trimmed where they differ", () => {
  const book = bookOf({ sent: PLAIN, refused: { sink: [2] } });
  book.ticks.minutes.get(MINUTE)!.stages.sink.refused = { count: 0, checksum: 0 };
  strictEqual(judged(book).verdict, "differs");
  strictEqual(judged(book, { letters_trimmed_to: MINUTE }).rows[0]!.verdict, "trimmed");
});

Deno.test("rows past their retention are expired, and only the sink is excused by it", () => {
  const book = bookOf({ sent: PLAIN });
  book.stored.clear();
  strictEqual(judged(book, { stored_from: MINUTE + 1 }).rows[0]!.verdict, "expired");
  strictEqual(judged(book, { stored_from: MINUTE }).rows[0]!.verdict, "differs");
  book.aggregator.get(MINUTE)!.processed.count--;
  strictEqual(judged(book, { stored_from: MINUTE + 1 }).rows[0]!.verdict, "differs");
});

Deno.test("a replayed dead letter counts for its stage only", () => {
  for (const stage of TICK_STAGES) {
    const replayed = { value: tickOf(5), headers: { [ONLY_STAGE_HEADER]: stage } };
    const sent = [...PLAIN, replayed, marker([receiptFor([tickOf(5)])])];
    const report = judged(bookOf({ sent }));
    deepStrictEqual(messages(report), []);
    const [row] = report.rows;
    deepStrictEqual(
      [row!.accepted.count, row!.processed.count, row!.stored.count],
      stage === "sink" ? [5, 4, 5] : [5, 5, 4],
    );
    const book = bookOf({ sent });
    book.stored.set(MINUTE, tallyOf(stage === "sink" ? FOUR : [...FOUR, tickOf(5)]));
    strictEqual(judged(book).verdict, "differs");
  }
});
