/** Every fault there is, in the order of the table. */
import type { Scenario } from "../scenario.ts";
import { SCENARIOS as AGGREGATOR_KILLED } from "./aggregator_killed.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...AGGREGATOR_KILLED,
];
