import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { judgePosition, PositionRefusedError } from "./position.ts";

const OWNER = { consumer: "sink", cluster_id: "here" };
const ENDS = { earliest: 100n, last_stable: 200n };

function judge(next_offset: bigint, cluster_id = "here") {
  return judgePosition(OWNER, "ticks/0", [{ cluster_id, next_offset }], ENDS);
}

Deno.test("a position between a topic's ends stands, its ends included", () => {
  for (const next_offset of [100n, 150n, 200n]) {
    deepStrictEqual(judge(next_offset), { next_offset, trimmed: 0n });
  }
});

Deno.test("what retention deleted before it was stored is told apart", () => {
  deepStrictEqual(judge(97n), { next_offset: 100n, trimmed: 3n });
});

Deno.test("a position past the end is refused, and the message says what to do", () => {
  throws(() => judge(201n), (error: Error) => {
    strictEqual(error instanceof PositionRefusedError, true);
    return /ticks\/0.*offset 201.*ends at 200.*kafka_offsets/s.test(error.message);
  });
});

Deno.test("another cluster's memory is refused, also where our own is there too", () => {
  throws(() => judge(150n, "elsewhere"), /cluster elsewhere.*DATABASE_URL.*CONSUMER_GROUP/s);
  throws(() =>
    judgePosition(OWNER, "ticks/0", [
      { cluster_id: "here", next_offset: 150n },
      { cluster_id: "elsewhere", next_offset: 5n },
    ], ENDS), PositionRefusedError);
});

Deno.test("without a memory there is no position yet", () => {
  strictEqual(judgePosition(OWNER, "ticks/0", [], ENDS), null);
});
