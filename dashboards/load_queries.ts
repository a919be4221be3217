/** What load tests ask Prometheus, as the boards ask it. Pure. */
import { SERVICE_NAMES } from "../contract/pipeline.ts";
import { type PlatformQueries, WINDOW } from "../load-tests/queries.ts";
import { LAG_QUERIES } from "./lag.ts";
import { PROCESS_METRICS } from "./process_row.ts";
import { PRODUCER_QUERIES } from "./producer.ts";
import { alertScope, series } from "./query.ts";
import { SINK_QUERIES } from "./sink.ts";

const SCOPE = alertScope(WINDOW);
/** Of our services: others show theirs by the same name. */
const MEMORY = series(PROCESS_METRICS.memory, SCOPE, `service=~"${SERVICE_NAMES.join("|")}"`);

export const PLATFORM_QUERIES: PlatformQueries = {
  seconds_behind: LAG_QUERIES.seconds(SCOPE),
  ticks_per_s: PRODUCER_QUERIES.sent(SCOPE),
  event_to_row_p99: SINK_QUERIES.age_p99(SCOPE),
  memory_growth: `deriv(${MEMORY}[${WINDOW}]) * 3600 / avg_over_time(${MEMORY}[${WINDOW}])`,
};
