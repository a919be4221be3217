import { deepStrictEqual, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { countRecord, startTickCount } from "./tick_count.ts";
import { receiptsOf } from "./receipts.ts";

Deno.test("a client that invents timestamps can't fill memory", () => {
  const count = startTickCount(0n, { aggregator: new Map(), sink: new Map() });
  const value = Buffer.from("{}");
  throws(() => {
    for (let minute = 0; minute < 1_000_001; minute++) {
      countRecord(count, {
        offset: String(minute),
        timestamp: String(minute * 60_000),
        value,
        batchContext: { producerId: "7" },
      });
    }
  }, /over 1000000 minutes/);
});

Deno.test("receipts are read, and what is none is told apart from an empty list", () => {
  const receipts = (confirmed: unknown) => receiptsOf(Buffer.from(JSON.stringify({ confirmed })));
  deepStrictEqual(receipts([]), []);
  const good = { minute: 60_000, ticks: 2, checksum: 5 };
  deepStrictEqual(receipts([good]), [good]);
  for (
    const bad of [
      { ...good, minute: 60_001 },
      { ...good, ticks: -1 },
      { ...good, checksum: 2 ** 52 },
      { ...good, ticks: "2" },
      null,
      7,
    ]
  ) deepStrictEqual(receipts([bad]), null);
  deepStrictEqual(receipts(undefined), null);
  deepStrictEqual(receiptsOf(null), null);
  deepStrictEqual(receiptsOf(Buffer.from("null")), null);
});
