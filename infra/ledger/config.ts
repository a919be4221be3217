/** The ledger's settings: the stages' own, since it looks where they write. */
import { type Environment, readConfig, type SettingTable } from "../../runtime/config.ts";
import type { Logger } from "../../runtime/log.ts";
import { DATABASE_SETTINGS, KAFKA_SETTINGS } from "../../runtime/settings.ts";
import { SETTINGS as SINK_SETTINGS } from "../../services/sink/config.ts";
import type { AuditOptions } from "./audit.ts";

export const SETTINGS = {
  ...KAFKA_SETTINGS,
  ...DATABASE_SETTINGS,
  sink_consumer: SINK_SETTINGS.consumer_group,
  tick_retention_days: SINK_SETTINGS.tick_retention_days,
} as const satisfies SettingTable;

/**
 * Where the ledger looks.
 *
 * @param environment Names and values, the servers among them (infra/find_servers.ts).
 * @param log For the Kafka client.
 * @throws ConfigError with every fault at once.
 */
export function auditOptions(environment: Environment, log: Logger): AuditOptions {
  const config = readConfig(SETTINGS, environment);
  return {
    kafka: { bootstrap_servers: config.kafka_bootstrap_servers, client_id: "ledger", log },
    database_url: config.database_url,
    tick_topic: config.tick_topic,
    candle_topic: config.candle_topic,
    dead_letter_topic: config.dead_letter_topic,
    sink_consumer: config.sink_consumer,
    tick_retention_days: config.tick_retention_days,
  };
}
