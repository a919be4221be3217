import { match, strictEqual } from "node:assert/strict";
import { limitOf, type LoadFigures } from "./limit.ts";

const WELL: LoadFigures = {
  ticks_per_s: 12_000.4,
  door_p95_ms: 9,
  door_failed_ratio: null,
  dropped_per_s: null,
  event_to_row_p99_s: 0.3,
  seconds_behind: { aggregator: 0.1, sink: 0.2 },
  cores: { producer: 0.4, aggregator: 0.3, sink: 0.3, k6: 0.4 },
  machine: { busy: 1.5, cores: 8 },
};

function sentenceOf(figures: Partial<LoadFigures>): string {
  return limitOf({ ...WELL, ...figures })!.sentence;
}

Deno.test("while every promise is kept there is no limit", () => {
  strictEqual(limitOf(WELL), null);
  const full = { ...WELL, cores: { producer: 1 }, machine: { busy: 8, cores: 8 } };
  strictEqual(limitOf(full), null);
});

Deno.test("a part at the end of its core is the limit", () => {
  const cores = { producer: 0.4, sink: 0.97 };
  match(
    sentenceOf({ cores, seconds_behind: { aggregator: 0.1, sink: 4 } }),
    /^At 12000 ticks\/s the sink was 4\.0 s behind: the limit was the sink, which uses 0\.97 of/,
  );
  match(
    sentenceOf({ door_p95_ms: 31, cores: { producer: 0.91 } }),
    /slowest 5 % of the requests took 31\.0 ms \(20 may\): the limit was the producer, which uses/,
  );
  match(sentenceOf({ door_failed_ratio: 0.02 }), /2\.0 % of the requests failed.* the producer/);
});

Deno.test("one that has CPU to spare is held up by another, by the machine, or waits", () => {
  match(
    sentenceOf({ event_to_row_p99_s: 2, cores: { postgres: 1.2, sink: 0.3 } }),
    /took 2\.00 s to be rows: the limit was the postgres, which uses 1\.20 of a core and holds the sink/,
  );
  match(
    sentenceOf({ door_p95_ms: 31, machine: { busy: 7.9, cores: 8 } }),
    /the limit was the machine, whose 8 cores are busy \(producer 0\.40, k6 0\.40, .*all else 6\.50\)/,
  );
  match(sentenceOf({ door_p95_ms: 31 }), /the producer, though it uses 0\.40 .* waits for others/);
});

Deno.test("k6 is the limit where it drops requests and the door is in time", () => {
  match(sentenceOf({ dropped_per_s: 5 }), /the limit was k6 itself/);
  match(sentenceOf({ dropped_per_s: 5, door_p95_ms: 40 }), /the limit was the producer/);
});
