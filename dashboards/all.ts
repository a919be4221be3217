/** Every board there is, in the order in which a tick travels; then what it travels through. */
import { BOARD as AGGREGATOR } from "./aggregator.ts";
import type { Alert, Board } from "./board.ts";
import { BOARD as KAFKA } from "./kafka.ts";
import { BOARD as LAG } from "./lag.ts";
import { BOARD as LEDGER } from "./ledger.ts";
import { BOARD as LOAD } from "./load.ts";
import { BOARD as MARKET } from "./market.ts";
import { BOARD as OVERVIEW } from "./overview.ts";
import { BOARD as POSTGRES } from "./postgres.ts";
import { BOARD as PRODUCER } from "./producer.ts";
import { PROCESS_ALERTS } from "./process_row.ts";
import { SERVICE_ALERTS } from "./service_row.ts";
import { BOARD as SINK } from "./sink.ts";

export const BOARDS: readonly Board[] = [
  OVERVIEW,
  PRODUCER,
  AGGREGATOR,
  SINK,
  POSTGRES,
  LAG,
  LEDGER,
  KAFKA,
  MARKET,
  LOAD,
];

/** All alerts by the file of rules that they go into. */
export const ALERT_GROUPS: { readonly [group: string]: readonly Alert[] } = {
  services: [...SERVICE_ALERTS, ...PROCESS_ALERTS],
  ...Object.fromEntries(BOARDS.map(({ name, alerts }) => [name, alerts])),
};
