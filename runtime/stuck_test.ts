import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { withDeadline } from "./backoff.ts";
import type { Membership } from "./kafka_consumer.ts";
import type { PartitionReader, ReadRecord } from "./kafka_reader.ts";
import { createLogger } from "./log.ts";
import { createStuckJudge, type Sight, type StuckWatchOptions, watchForStuck } from "./stuck.ts";

/** Looks every second at one partition or several, and says at which look something is stuck. */
function firstStuckLook(looks: readonly (readonly Sight[])[], at_s?: readonly number[]): number {
  const judge = createStuckJudge(10_000, 3_000);
  return looks.findIndex((sights, look) =>
    judge.judge((at_s?.[look] ?? look) * 1_000, sights).length > 0
  );
}

function at(position: number, end: number, place = "ticks/0"): Sight {
  return { place, position: BigInt(position), end: BigInt(end) };
}

/** As many looks as asked for. */
function looks(count: number, see: (look: number) => readonly Sight[]): (readonly Sight[])[] {
  return Array.from({ length: count }, (_, look) => see(look));
}

Deno.test("a position that stands still while records wait is stuck after that time", () => {
  strictEqual(firstStuckLook(looks(30, (look) => [at(5, 6 + look)])), 10);
});

Deno.test("slow progress, and nothing to do, is not stuck", () => {
  strictEqual(firstStuckLook(looks(60, (look) => [at(Math.floor(look / 9), 1_000)])), -1);
  strictEqual(firstStuckLook(looks(60, () => [at(7, 7)])), -1);
});

Deno.test("time in which nothing waited does not count", () => {
  // Idle for 20 s; then records come, which are taken after 9 s.
  const seen = looks(60, (look) => [look < 20 ? at(7, 7) : look < 29 ? at(7, 9) : at(9, 9)]);
  strictEqual(firstStuckLook(seen), -1);
  strictEqual(firstStuckLook(looks(60, (look) => [at(7, look < 20 ? 7 : 9)])), 30);
});

Deno.test("what is told as waiting has waited all the while", () => {
  const judge = createStuckJudge(10_000, 3_000);
  let told: Sight[] = [];
  for (let second = 0; second <= 10; second++) {
    told = judge.judge(second * 1_000, [at(5, 7 + second)]);
  }
  deepStrictEqual(told.map(({ position, end }) => [position, end]), [[5n, 7n]]);
});

Deno.test("a process that was frozen counts anew", () => {
  // Looks at 0…5 s, then at 100 s: 9 s more are fine, the tenth is not.
  const at_s = [0, 1, 2, 3, 4, 5, ...Array.from({ length: 15 }, (_, look) => 100 + look)];
  strictEqual(firstStuckLook(at_s.map(() => [at(5, 9)]), at_s), 16);
});

Deno.test("a partition that goes and comes again counts anew", () => {
  strictEqual(firstStuckLook(looks(30, (look) => look === 8 ? [] : [at(5, 9)])), 19);
});

Deno.test("a partition behind others that move has more time, and not for ever", () => {
  const seen = looks(90, (look) => [at(5, 9), at(look, 1_000, "ticks/1")]);
  strictEqual(firstStuckLook(seen), 50);
});

/** A watch over one partition at offset 5, its questions about ends counted: two a look. */
async function watched(
  given: {
    /** Offsets of records in the topic, which ends at 10. */
    records?: readonly number[];
    stuck_after_ms?: number;
    away?: boolean;
    positionsHang?: boolean;
    troubled?: boolean;
    membership?: (look: number) => Partial<Membership>;
    position?: (look: number) => bigint;
  },
): Promise<{ stuck: string | null; lines: string[] }> {
  const { records = [7], away = false, position = () => 5n } = given;
  const stopping = new AbortController();
  let look = 0;
  let stuck: string | null = null;
  const lines: string[] = [];
  const reader: PartitionReader = {
    partitions: () => Promise.resolve(1),
    ends() {
      // Several times as many looks as it takes to be stuck.
      if (++look > 60) stopping.abort();
      return away
        ? Promise.reject(new Error("Kafka is away"))
        : Promise.resolve({ earliest: 0n, last_stable: 10n });
    },
    end: () => Promise.resolve(10n),
    fetch: (_topic, _partition, offset) =>
      Promise.resolve({
        records: records.filter((each) => each >= offset)
          .map((each) => ({ offset: String(each) }) as ReadRecord),
        next_offset: 10n,
        last_stable_offset: 10n,
      }),
    close: () => Promise.resolve(),
  };
  const options: StuckWatchOptions = {
    stuck_after_ms: given.stuck_after_ms ?? 60,
    group: "sink",
    topic: "ticks",
    reader,
    membership: () => ({
      joins: 1,
      signs: look,
      is_in: true,
      assigned: [{ topic: "ticks", partition: 0 }],
      rebalance_timeout_ms: 0,
      ...given.membership?.(look),
    }),
    positions: () =>
      given.positionsHang
        ? new Promise(() => {})
        : Promise.resolve(new Map([["ticks/0", position(look)]])),
    isTroubled: () => given.troubled ?? false,
    log: createLogger("sink", "error", (line) => lines.push(line)),
    stopping: stopping.signal,
    onStuck: (error) => stuck = error.message,
  };
  await withDeadline(watchForStuck(options), 20_000, "Watching");
  return { stuck, lines };
}

Deno.test("a stuck consumer is told once, with its place", async () => {
  const { stuck, lines } = await watched({ stuck_after_ms: 300 });
  match(stuck ?? "", /ticks\/0 has stood at 5/);
  const [line] = lines.map((text) => JSON.parse(text));
  deepStrictEqual([line.event, line.place, line.level], ["stuck", "ticks/0", "error"]);
  strictEqual(lines.length, 1);
});

Deno.test("a topic that ends in markers of transactions is no lag", async () => {
  strictEqual((await watched({ records: [3] })).stuck, null);
});

Deno.test("known trouble, an absent Kafka and a database that hangs are waited for", async () => {
  strictEqual((await watched({ troubled: true })).stuck, null);
  strictEqual((await watched({ away: true })).stuck, null);
  strictEqual((await watched({ positionsHang: true })).stuck, null);
});

Deno.test("a member that gives no sign of life is stuck, be it in or not", async () => {
  const silent = { signs: 3, is_in: false, assigned: [] };
  const { stuck } = await watched({ stuck_after_ms: 300, membership: () => silent });
  match(stuck ?? "", /group sink has stood at 3/);
});

Deno.test("each rebalance begins the time anew, and while it lasts nothing is held against it", async () => {
  strictEqual((await watched({ membership: (look) => ({ joins: look >> 3 }) })).stuck, null);
  strictEqual((await watched({ membership: () => ({ is_in: false }) })).stuck, null);
});

Deno.test("a consumer that moves is left alone", async () => {
  strictEqual((await watched({ position: (look) => BigInt(look >> 3) })).stuck, null);
});
