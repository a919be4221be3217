import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { tellPositions, type ToldPosition } from "./told_positions.ts";

Deno.test("Kafka is told the newest position of each partition that is ours, and during a stop at once", async () => {
  const stopping = new AbortController();
  const told: ToldPosition[][] = [];
  const faults: unknown[] = [];
  let arrived = Promise.withResolvers<void>();
  let fault: Error | null = null;
  const positions = tellPositions(
    (some) => {
      told.push(some);
      arrived.resolve();
      return fault === null ? Promise.resolve() : Promise.reject(fault);
    },
    (_topic, partition) => partition !== 9,
    (error) => faults.push(error),
    stopping.signal,
  );
  const running = positions.run();
  await positions.note("t", 0, 1n);
  await positions.note("t", 9, 1n);
  await positions.note("t", 0, 2n);
  await positions.note("c", 1, 3n);
  await arrived.promise;
  deepStrictEqual(told, [[
    { topic: "t", partition: 0, offset: "2" },
    { topic: "c", partition: 1, offset: "3" },
  ]]);

  arrived = Promise.withResolvers();
  fault = new Error("away");
  await positions.note("t", 0, 4n);
  await positions.note("c", 1, 4n);
  await arrived.promise;
  fault = null;
  // What could not be told is told again, unless something newer is.
  await positions.note("t", 0, 5n);
  stopping.abort();
  await running;
  await positions.note("c", 1, 6n);
  deepStrictEqual(faults.map(String), ["Error: away"]);
  const positionOf = (topic: string, partition: number, offset: string): ToldPosition => ({
    topic,
    partition,
    offset,
  });
  const by_place = (one: ToldPosition, other: ToldPosition) => one.topic < other.topic ? -1 : 1;
  deepStrictEqual(told.slice(1).map((some) => some.sort(by_place)), [
    [positionOf("c", 1, "4"), positionOf("t", 0, "4")],
    [positionOf("c", 1, "4"), positionOf("t", 0, "5")],
    [positionOf("c", 1, "6")],
  ]);
  strictEqual(told.length, 4);
});
