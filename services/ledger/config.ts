/** The ledger service's settings. */
import { integer, type SettingTable } from "../../runtime/config.ts";
import { SERVICE_SETTINGS } from "../../runtime/settings.ts";
import { SETTINGS as LEDGER } from "../../infra/ledger/config.ts";

export const SETTINGS = {
  ...SERVICE_SETTINGS,
  ...LEDGER,
  interval_ms: {
    variable: "TAPELINE_LEDGER_INTERVAL_MS",
    default: "60000",
    unit: "ms",
    doc: "Most time between two audits of the minutes that are not judged yet",
    parse: integer(1_000, 3_600_000),
  },
  look_back_minutes: {
    variable: "TAPELINE_LEDGER_LOOK_BACK_MINUTES",
    default: "30",
    unit: "minutes",
    doc: "How far back the audits look at the most: a difference is told for so long",
    parse: integer(2, 10_080),
  },
} as const satisfies SettingTable;
