/**
 * The real takeover, windows and flush on a model of Kafka, in a time that nobody waits for: what is
 * drawn from a seed goes through without a fault, with a crash after every change of what Kafka
 * holds, with several crashes, and with a zombie; each time the same must come of it.
 *
 * A crash between two changes needs no trying: what is in memory is lost anyway.
 */
import { fail, ok } from "node:assert/strict";
import { type Chance, chanceOf } from "../../infra/testing/chance.ts";
import type { WindowRules } from "./series.ts";
import { writeFlush } from "./flush.ts";
import { noteFlushed, type PartitionState, takeFlush, takeRecord } from "./partition_state.ts";
import { drawInput, PARTITIONS } from "./simulated_input.ts";
import {
  clientOf,
  compact,
  copyKafka,
  isCrash,
  PLACES,
  type SimulatedKafka,
  simulateKafka,
  TOPICS,
} from "./simulated_kafka.ts";
import { difference, type Expected, expectedOutcome, type Known } from "./simulated_outcome.ts";
import { RULES } from "./simulation.ts";
import { takeOver } from "./takeover.ts";

/** Set it to the number that a failure names, to try that one alone. */
const ONLY_SEED: number | null = null;
const SEEDS = 2_000;
const RECORDS = { min: 3, max: 10 };
/** One seed in so many has more records. */
const LARGE_EVERY = 200;
const LARGE_RECORDS = { min: 40, max: 80 };
/** One seed in so many is tried with several crashes, and with a zombie: they cost more lives. */
const SEVERAL_EVERY = 3;
const ATTEMPTS_MAX = 200;

const STAGE = "aggregator";
const GROUP = "group";

/** What a seed gives. */
interface Trial {
  seed: number;
  /** Draws on: each life has batches of its own. */
  chance: Chance;
  rules: WindowRules;
  /** Most records that are taken between two flushes. */
  batch_max: number;
  expected: Expected;
}

/** The life of a process: takes the partition over, and works until all is committed. */
async function live(
  kafka: SimulatedKafka,
  trial: Trial,
  keepAlive: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const { chance, rules, batch_max } = trial;
  const client = clientOf(kafka);
  const { producer, state } = await takeOver(
    { ...client, ...TOPICS, group: GROUP, partitions: PARTITIONS, rules },
    0,
    keepAlive,
  );
  const names = { stage: STAGE, ...TOPICS };
  for (let is_first = true; is_first || state.changed; is_first = false) {
    take(kafka, state, chance.between(1, batch_max));
    const flush = takeFlush(state, chance.pick([100, 1_000, 12_000]));
    const number = state.flush;
    const written = writeFlush(producer, GROUP, names, 0, flush, "none");
    // Records come while a flush is under way.
    take(kafka, state, chance.between(0, 3));
    noteFlushed(state, number, (await written).first_offset);
    take(kafka, state, chance.between(0, 3));
    if (state.next_offset < kafka.ticks.length) state.changed = true;
  }
}

function take({ ticks }: SimulatedKafka, state: PartitionState, count: number): void {
  for (let taken = 0; taken < count; taken++) {
    const record = ticks[Number(state.next_offset)];
    if (record === undefined) return;
    takeRecord(state, record, STAGE);
    state.next_offset++;
  }
}

/** Starts processes one after another until one comes to the end. */
async function goOn(
  kafka: SimulatedKafka,
  trial: Trial,
  nextCrash: () => number | null,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const changes = nextCrash();
    kafka.fault = changes === null
      ? null
      : { kind: "dies", after_changes: kafka.changes + changes };
    try {
      return await live(kafka, trial);
    } catch (error) {
      if (!isCrash(error)) throw error;
    }
  }
  throw new Error(`It came to no end in ${ATTEMPTS_MAX} lives`);
}

/**
 * A process that freezes, is taken over, and goes on while the other is at work.
 *
 * @returns Whether it was refused; it is not where it had come to its end before.
 */
async function withZombie(
  kafka: SimulatedKafka,
  trial: Trial,
  changes: number,
): Promise<boolean> {
  const { chance } = trial;
  kafka.fault = { kind: "freezes", after_changes: chance.between(1, changes) };
  let refusal: unknown = null;
  let is_over = false;
  // The group has gone on without it: a heartbeat says so.
  let is_expelled = false;
  const heartbeat = (): Promise<void> =>
    is_expelled ? Promise.reject(new Error("The member is fenced off")) : Promise.resolve();
  const zombie = live(kafka, trial, heartbeat)
    .catch((error) => refusal = error)
    .finally(() => is_over = true);
  while (kafka.thaw === null && !is_over) await null;
  kafka.fault = null;
  is_expelled = true;
  kafka.thaw_at_call = kafka.calls + chance.between(1, 12);
  // One that was frozen while it took over may fence the other, which then takes over anew.
  await live(kafka, trial).catch(async (error) => {
    if (!String(error).includes("fenced")) throw error;
    await live(kafka, trial);
  });
  // It may have been too late to meet the other: it is refused all the same.
  kafka.thaw?.();
  await zombie;
  if (refusal === null) return false;
  // It may see the other's open transaction before it is told that it is expelled.
  ok(/fenced|still open/.test(String(refusal)), `the zombie ended with ${refusal}`);
  return true;
}

/**
 * A broker that loses markers of a transaction that it has called committed (runtime/kafka_fence.ts):
 * all of them, and the process goes on or dies; or some of them, and it dies. Not of the first: a
 * group that has never committed begins anew, whatever the candle topic holds.
 *
 * @returns Whether it came to that: a process commits more or less often each time.
 */
async function withLostMarkers(
  kafka: SimulatedKafka,
  trial: Trial,
  commits: number,
): Promise<boolean> {
  const { chance } = trial;
  const some = PLACES.filter(() => chance.between(0, 1) === 0);
  const is_whole = some.length === 0 || chance.between(0, 1) === 0;
  kafka.loss = {
    commit: chance.between(2, commits),
    places: is_whole ? PLACES : some,
    kills: !is_whole || chance.between(0, 1) === 0,
  };
  await live(kafka, trial).catch((error) => {
    if (!isCrash(error)) throw error;
  });
  const has_lost = kafka.commits >= kafka.loss.commit;
  kafka.fault = null;
  kafka.loss = null;
  // Whoever comes next leaves nothing undecided.
  await live(kafka, trial);
  return has_lost;
}

function assertOutcome(
  { seed, expected }: Trial,
  kafka: SimulatedKafka,
  what: string,
  told: Partial<Known> = {},
): void {
  const known = { knows_all: false, has_all: true, lost: false, ...told };
  const text = difference(kafka, expected, known);
  if (text !== null) fail(`seed ${seed} (set ONLY_SEED to it), ${what}: ${text}`);
}

/** How often it came to what a trial is for. */
interface Tried {
  crashes: number;
  zombies_refused: number;
  losses: number;
}

/** Tries a seed in every way. */
async function trySeed(seed: number): Promise<Tried> {
  const chance = chanceOf(seed);
  const { min, max } = seed % LARGE_EVERY === 0 ? LARGE_RECORDS : RECORDS;
  const drawn = drawInput(chance, chance.between(min, max));
  const rules: WindowRules = {
    ...RULES,
    intervals: chance.pick([["1m"], ["1m", "5m"]] as const),
    sliding_average_seconds: chance.pick([10, 90]),
  };
  const batch_max = chance.pick([3, 12, 12]);
  const trial: Trial = { seed, chance, rules, batch_max, expected: expectedOutcome(drawn, rules) };
  const empty = simulateKafka(drawn.map(({ record }) => record));

  const history: SimulatedKafka[] = [];
  const whole: SimulatedKafka = { ...copyKafka(empty), history };
  await live(whole, trial);
  assertOutcome(trial, whole, "without a fault", { knows_all: true });

  for (const kafka of history) {
    // What it holds when the process dies then: a reader of it starts from nothing else.
    const what = `a crash at change ${kafka.changes} (${kafka.last_change})`;
    const is_compacted = chance.between(0, 1) === 0;
    if (is_compacted) compact(kafka);
    await live(kafka, trial);
    assertOutcome(trial, kafka, what, { has_all: !is_compacted });
  }

  if (seed % SEVERAL_EVERY > 0) {
    return { crashes: history.length, zombies_refused: 0, losses: 0 };
  }
  let losses = 0;
  if (whole.commits > 1) {
    const lossy = copyKafka(empty);
    if (await withLostMarkers(lossy, trial, whole.commits)) losses++;
    assertOutcome(trial, lossy, "lost markers", { lost: true });
  }

  const often = copyKafka(empty);
  let lives = 0;
  await goOn(often, trial, () => (++lives > 6 ? null : chance.between(1, 10)));
  assertOutcome(trial, often, `${lives - 1} crashes in a row`);

  const haunted = copyKafka(empty);
  const refused = await withZombie(haunted, trial, whole.changes - 1);
  assertOutcome(trial, haunted, `a zombie, thawed at call ${haunted.thaw_at_call}`);
  return { crashes: history.length + lives - 1, zombies_refused: refused ? 1 : 0, losses };
}

Deno.test("whatever the input and wherever it crashes, each tick is in its window once", async () => {
  const first = ONLY_SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
  const count = ONLY_SEED === null ? SEEDS : 1;
  const tried: Tried = { crashes: 0, zombies_refused: 0, losses: 0 };
  for (let at = 0; at < count; at++) {
    const seed = first + at;
    try {
      const { crashes, zombies_refused, losses } = await trySeed(seed);
      tried.crashes += crashes;
      tried.zombies_refused += zombies_refused;
      tried.losses += losses;
    } catch (error) {
      const { message } = error as Error;
      throw message.includes("ONLY_SEED")
        ? error
        : new Error(`seed ${seed} (set ONLY_SEED to it): ${message}`, { cause: error });
    }
  }
  if (ONLY_SEED !== null) return;
  ok(tried.crashes > 5 * count, `only ${tried.crashes} crashes with ${count} seeds`);
  ok(tried.zombies_refused > count / 10, `only ${tried.zombies_refused} zombies were refused`);
  ok(tried.losses > count / 10, `only ${tried.losses} transactions lost their markers`);
});
