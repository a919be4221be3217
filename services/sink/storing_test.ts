import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createStoring } from "./storing.ts";

const NEVER = new AbortController().signal;

/** Batches that are being stored until they are let go on, and what was told in order. */
function heldStores(at_once_max: number) {
  const told: string[] = [];
  const held = new Map<string, PromiseWithResolvers<void>>();
  const storing = createStoring(at_once_max);
  const begin = (place: string, name: string, signal = NEVER): Promise<boolean> =>
    storing.begin(place, signal, async (dropped) => {
      told.push(`begun ${name}`);
      dropped.addEventListener("abort", () => told.push(`dropped ${name}`));
      const holding = Promise.withResolvers<void>();
      held.set(name, holding);
      await holding.promise;
      told.push(`ended ${name}`);
    });
  return { told, held, storing, begin };
}

Deno.test("a partition's next batch waits for the one before it, another's does not", async () => {
  const { told, held, storing, begin } = heldStores(4);
  strictEqual(await begin("ticks/0", "first"), true);
  const second = begin("ticks/0", "second");
  strictEqual(await begin("ticks/1", "other"), true);
  deepStrictEqual(told, ["begun first", "begun other"]);
  held.get("first")!.resolve();
  strictEqual(await second, true);
  deepStrictEqual(told.slice(2), ["ended first", "begun second"]);
  const ended = storing.ended("ticks/0").then(() => told.push("waited for it"));
  held.get("second")!.resolve();
  await ended;
  const all_ended = storing.allEnded().then(() => told.push("waited for all"));
  held.get("other")!.resolve();
  await all_ended;
  deepStrictEqual(told.slice(4), [
    "ended second",
    "waited for it",
    "ended other",
    "waited for all",
  ]);
});

Deno.test("no more partitions than allowed are stored at once", async () => {
  const { told, held, begin } = heldStores(2);
  const begun = ["a", "b", "c", "d", "e"].map((name, partition) =>
    begin(`ticks/${partition}`, name)
  );
  await begun[1];
  deepStrictEqual(told, ["begun a", "begun b"]);
  held.get("b")!.resolve();
  await Promise.race(begun.slice(2));
  deepStrictEqual(told.slice(2), ["ended b", "begun c"]);
  held.get("a")!.resolve();
  held.get("c")!.resolve();
  deepStrictEqual(await Promise.all(begun), [true, true, true, true, true]);
  deepStrictEqual(told.slice(-2).sort(), ["begun d", "begun e"]);
});

Deno.test("whoever waits stops waiting when its signal is aborted, and nothing begins", async () => {
  const { told, begin } = heldStores(1);
  await begin("ticks/0", "first");
  const giving_up = new AbortController();
  const waiting = [
    begin("ticks/0", "same", giving_up.signal),
    begin("ticks/1", "other", giving_up.signal),
  ];
  giving_up.abort();
  deepStrictEqual(await Promise.all(waiting), [false, false]);
  strictEqual(await begin("ticks/2", "late", giving_up.signal), false);
  deepStrictEqual(told, ["begun first"]);
});

Deno.test("some are told that nobody wants them, and are waited for all the same", async () => {
  const { told, held, storing, begin } = heldStores(2);
  await begin("ticks/0", "ours");
  await begin("ticks/1", "theirs");
  storing.drop((place) => place === "ticks/1");
  const next = begin("ticks/1", "next");
  deepStrictEqual(told.slice(2), ["dropped theirs"]);
  held.get("theirs")!.resolve();
  strictEqual(await next, true);
  deepStrictEqual(told.slice(3), ["ended theirs", "begun next"]);
});
