/** The lag service's settings. */
import { integer, type SettingTable } from "../../runtime/config.ts";
import { KAFKA_SETTINGS, SERVICE_SETTINGS } from "../../runtime/settings.ts";

export const SETTINGS = {
  ...SERVICE_SETTINGS,
  kafka_bootstrap_servers: KAFKA_SETTINGS.kafka_bootstrap_servers,
  interval_ms: {
    variable: "TAPELINE_LAG_INTERVAL_MS",
    default: "1000",
    unit: "ms",
    doc: "Time between two looks at all consumer groups",
    parse: integer(100, 600_000),
  },
  groups_max: {
    variable: "TAPELINE_LAG_GROUPS_MAX",
    default: "200",
    doc: "Most consumer groups that are shown, by name; each has a metric for each partition",
    parse: integer(1, 100_000),
  },
} as const satisfies SettingTable;
