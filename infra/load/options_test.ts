import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { parseLoadOptions, usualRate } from "./options.ts";

Deno.test("a load that is not described further is a smoke test of the door", () => {
  deepStrictEqual(parseLoadOptions([]), {
    kind: "smoke",
    scenario: "ingest",
    ticks_per_s: null,
    duration_s: 20,
    data_dir: ".tapeline/load",
  });
  strictEqual(parseLoadOptions(["--help"]), null);
  strictEqual(parseLoadOptions(["--kind=soak", "--duration=60"])!.duration_s, 60);
});

Deno.test("what makes no sense is refused, with what would", () => {
  throws(() => parseLoadOptions(["--kind=x"]), /--kind must be one of smoke, .* and is x/);
  throws(() => parseLoadOptions(["--ticks-per-s=1.5"]), /whole number from 100 on, and is 1\.5/);
  throws(() => parseLoadOptions(["--duration="]), /--duration must be a whole number from 20 on/);
  throws(
    () => parseLoadOptions(["--scenario=feed", "--kind=spike"]),
    /simulator of --scenario feed has but one: take --scenario replay/,
  );
});

Deno.test("an average load is half of what was too much, and 5,000 ticks/s at least", () => {
  strictEqual(usualRate("average", null), 5_000);
  strictEqual(usualRate("average", 8_000), 5_000);
  strictEqual(usualRate("average", 31_001), 15_501);
  strictEqual(usualRate("breakpoint", 31_001), 1_000);
});
