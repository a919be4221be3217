/** One fault, from the load before it to the verdict after it. */
import { type Chance, chanceOf } from "../testing/chance.ts";
import type { FaultServers } from "./fault_servers.ts";
import { LOAD_TICKS_PER_S, type Platform, withPlatform } from "./platform.ts";
import { settle, type Verdict } from "./verdict.ts";
import { startWatch, type Watch } from "./watch.ts";

/** A fault, and how it is done. */
export interface Scenario {
  /** Names topics and groups too: letters, digits and hyphens. */
  name: string;
  /** Which of the ten faults it belongs to. */
  fault: number;
  /** Instances at the start; one each where not said. */
  aggregators?: number;
  sinks?: number;
  environment?: { [variable: string]: string };
  /** The fault keeps ticks from being made or accepted: the rate of the load says nothing. */
  starves_source?: boolean;
  /** It takes more than a minute: `deno task faults` runs it, the test run does not. */
  is_long?: boolean;
  /** Whether it can be done on this machine; absent: anywhere. */
  isPossible?(): boolean;
  /** Runs it with other servers than those that all share. */
  within?<Result>(
    servers: FaultServers,
    test: (servers: FaultServers) => Promise<Result>,
  ): Promise<Result>;
  /**
   * Does it, under load, and undoes it.
   *
   * @returns How often. Throws where a fault did not hit what it was aimed at.
   */
  inject(scene: Scene): Promise<number>;
}

/** What a fault has to work with. */
export interface Scene {
  platform: Platform;
  watch: Watch;
  chance: Chance;
}

/** A line of the closing table. */
export interface Outcome extends Verdict {
  name: string;
  fault: number;
  times: number;
  ticks_per_s: number;
  stall_ms: number;
  recovery_ms: number;
  elapsed_ms: number;
}

const FLOW_DEADLINE_MS = 60_000;
/** The least load that a fault counts under. */
const LOAD_TICKS_PER_S_MIN = 2_000;
/** Ticks stored before the fault, and after the recovery. */
const WARM_TICKS = LOAD_TICKS_PER_S;

/**
 * Runs a fault.
 *
 * @param servers Running servers.
 * @param scenario Which.
 * @param seed What chance is drawn from.
 */
export async function runScenario(
  servers: FaultServers,
  scenario: Scenario,
  seed: number,
): Promise<Outcome> {
  const run = (own: FaultServers): Promise<Outcome> => runWith(own, scenario, seed);
  return scenario.within === undefined ? await run(servers) : await scenario.within(servers, run);
}

async function runWith(
  servers: FaultServers,
  scenario: Scenario,
  seed: number,
): Promise<Outcome> {
  const { name, fault, aggregators = 1, sinks = 1, environment = {} } = scenario;
  const started_at_ms = performance.now();
  return await withPlatform(servers, name, environment, async (platform) => {
    for (let count = 0; count < aggregators; count++) platform.fleet.add("aggregator");
    for (let count = 0; count < sinks; count++) platform.fleet.add("sink");
    platform.fleet.add("producer");
    await Promise.all(
      ["aggregator" as const, "sink" as const].flatMap((stage) =>
        platform.fleet.of(stage).map((instance) => instance.process().ready())
      ),
    );
    const warming = startWatch(platform);
    await warming.moves(WARM_TICKS, FLOW_DEADLINE_MS).finally(() => warming.stop());

    const watch = startWatch(platform);
    try {
      await watch.moves(0, FLOW_DEADLINE_MS);
      const load_from = { ticks: watch.sent(), at_ms: performance.now() };
      const times = await scenario.inject({ platform, watch, chance: chanceOf(seed) });
      await watch.caughtUp();
      await watch.moves(WARM_TICKS, FLOW_DEADLINE_MS);
      const load_s = (performance.now() - load_from.at_ms) / 1000;
      const ticks_per_s = Number(watch.sent() - load_from.ticks) / load_s;
      await watch.stop();
      const verdict = await settle(platform);
      verdict.faults.push(...watch.setbacks());
      if (!scenario.starves_source && ticks_per_s < LOAD_TICKS_PER_S_MIN) {
        verdict.faults.push(`the load was only ${ticks_per_s.toFixed(0)} ticks a second`);
      }
      return {
        ...verdict,
        name,
        fault,
        times,
        ticks_per_s,
        stall_ms: watch.longestStallMs(),
        recovery_ms: watch.longestRecoveryMs(),
        elapsed_ms: performance.now() - started_at_ms,
      };
    } catch (error) {
      throw new Error(
        `${name} (seed ${seed}): ${(error as Error).message}\n${lastWords(platform)}`,
        {
          cause: error,
        },
      );
    } finally {
      await watch.stop();
    }
  });
}

/** The last warnings and errors of every service, for whoever must find out what went wrong. */
function lastWords({ fleet }: Platform): string {
  return (["producer", "aggregator", "sink"] as const).flatMap((stage) =>
    fleet.of(stage).map((instance) => {
      const lines = instance.process().lines.filter(({ level }) => level !== "info").slice(-8)
        .map(({ time, message, error, partition }) =>
          `\n  ${time} ${message} ${error ?? ""} ${partition ?? ""}`
        );
      return `${stage} (${instance.restarts()} restarts):${lines.join("") || " nothing"}`;
    })
  ).join("\n");
}
