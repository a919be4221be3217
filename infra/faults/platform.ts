/** All of Tapeline for one fault: topics and a database of its own, services that are kept running. */
import { createLogger } from "../../runtime/log.ts";
import { type LocalConfig, readLocalConfig } from "../local/config.ts";
import { type Connections, prepareServers } from "../local/prepare.ts";
import { type StageProgress, stageProgress } from "../local/progress_of_stages.ts";
import type { FaultServers } from "./fault_servers.ts";
import { createFleet, type Fleet } from "./fleet.ts";

/** The load: each of these ticks every 20 ms, so 2,500 ticks a second. */
export const SYMBOLS = Array.from({ length: 50 }, (_, at) => `S${String(at).padStart(2, "0")}`);
export const TICK_INTERVAL_S = 0.02;
export const LOAD_TICKS_PER_S = SYMBOLS.length / TICK_INTERVAL_S;
export const SESSION_TIMEOUT_MS = 3_000;

/** A platform under fault. */
export interface Platform {
  servers: FaultServers;
  /** Names of topics and groups, and the servers themselves. */
  config: LocalConfig;
  /** To the servers themselves, past the proxies. */
  connections: Connections;
  progress: StageProgress;
  fleet: Fleet;
  /** Settings of whoever judges: they name the servers themselves. */
  direct: { [variable: string]: string };
}

/**
 * Runs a test with a platform; its services are the caller's to add. They are ended whatever comes.
 *
 * @param servers Running servers.
 * @param name Names topics, groups and so transactional ids: nothing is shared with other platforms.
 * @param environment Settings of the services beside those of every fault test.
 * @param test What to do with it.
 */
export async function withPlatform<Result>(
  servers: FaultServers,
  name: string,
  environment: { [variable: string]: string },
  test: (platform: Platform) => Promise<Result>,
): Promise<Result> {
  const database_url = await servers.postgres.createDatabase(name.replaceAll("-", "_"));
  const common = {
    KAFKA_TOPIC: `${name}-ticks`,
    TAPELINE_CANDLE_TOPIC: `${name}-candles`,
    TAPELINE_ALERT_TOPIC: `${name}-alerts`,
    TAPELINE_DEAD_LETTER_TOPIC: `${name}-letters`,
    TAPELINE_AGGREGATOR_GROUP: `${name}-aggregator`,
    CONSUMER_GROUP: `${name}-sink`,
  };
  const direct = {
    ...common,
    KAFKA_BOOTSTRAP_SERVERS: servers.kafka.bootstrap,
    DATABASE_URL: database_url,
  };
  const config = readLocalConfig(direct);
  const log = createLogger("faults", "error", () => {});
  await using connections = await prepareServers(
    { bootstrap_servers: [servers.kafka.bootstrap], database_url, parts: [], targets: () => [] },
    config,
    log,
  );
  const fleet = createFleet({
    ...common,
    KAFKA_BOOTSTRAP_SERVERS: servers.proxied_bootstrap,
    DATABASE_URL: servers.proxiedUrl(database_url),
    STOCK_SYMBOLS: SYMBOLS.join(","),
    TICK_INTERVAL: String(TICK_INTERVAL_S),
    TAPELINE_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
    ...environment,
  });
  try {
    return await test({
      servers,
      config,
      connections,
      progress: stageProgress(connections, config),
      fleet,
      direct,
    });
  } finally {
    servers.frames.decideBy(null);
    servers.statements.decideBy(null);
    await fleet.killAll();
    await Promise.all([servers.kafka_network.heal(), servers.postgres_network.heal()]);
  }
}
