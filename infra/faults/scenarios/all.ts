/** Every fault there is, in the order of the table. */
import type { Scenario } from "../scenario.ts";
import { SCENARIOS as AGGREGATOR_KILLED } from "./aggregator_killed.ts";
import { SCENARIOS as AGGREGATOR_ZOMBIE } from "./aggregator_zombie.ts";
import { SCENARIOS as DEAD_LETTER_SIZES } from "./dead_letter_sizes.ts";
import { SCENARIOS as DEAD_LETTERS } from "./dead_letters.ts";
import { SCENARIOS as FOREIGN_DATABASE } from "./foreign_database.ts";
import { SCENARIOS as BROKER } from "./broker.ts";
import { SCENARIOS as INSTANCES } from "./instances.ts";
import { SCENARIOS as NETWORK } from "./network.ts";
import { SCENARIOS as POSTGRES } from "./postgres.ts";
import { SCENARIOS as POSTGRES_DISK } from "./postgres_disk_full.ts";
import { SCENARIOS as SINK } from "./sink.ts";
import { SCENARIOS as STUCK } from "./stuck.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...AGGREGATOR_KILLED,
  ...AGGREGATOR_ZOMBIE,
  ...BROKER,
  ...NETWORK,
  ...STUCK,
  ...SINK,
  ...POSTGRES,
  ...POSTGRES_DISK,
  ...DEAD_LETTERS,
  ...DEAD_LETTER_SIZES,
  ...FOREIGN_DATABASE,
  ...INSTANCES,
];
