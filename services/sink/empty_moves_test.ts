import { deepStrictEqual } from "node:assert/strict";
import { createEmptyMoves } from "./empty_moves.ts";

/** Moves that are held until they are let go on, and what was told in order. */
function heldMoves() {
  const told: string[] = [];
  const waiting: PromiseWithResolvers<void>[] = [];
  const moves = createEmptyMoves(async (topic, partition, to) => {
    told.push(`begun ${topic}/${partition} ${to}`);
    const held = Promise.withResolvers<void>();
    waiting.push(held);
    await held.promise;
    told.push(`ended ${topic}/${partition} ${to}`);
  });
  return { told, waiting, moves };
}

Deno.test("a second empty batch waits for the first one's move, and whoever waits sees both", async () => {
  const { told, waiting, moves } = heldMoves();
  moves.moveTo("ticks", 0, 5n);
  moves.moveTo("ticks", 0, 7n);
  moves.moveTo("ticks", 0, 9n);
  moves.moveTo("ticks", 1, 3n);
  deepStrictEqual(told, ["begun ticks/0 5", "begun ticks/1 3"]);
  const ended = moves.ended("ticks", 0).then(() => told.push("waited"));
  waiting[0]!.resolve();
  while (waiting.length < 3) await Promise.resolve();
  waiting[2]!.resolve();
  await ended;
  deepStrictEqual(told.slice(2), [
    "ended ticks/0 5",
    "begun ticks/0 9",
    "ended ticks/0 9",
    "waited",
  ]);
  waiting[1]!.resolve();
  await moves.allEnded();
  deepStrictEqual(told.at(-1), "ended ticks/1 3");
});
