/** The sink: ticks and candles into TimescaleDB or Postgres, exactly once. */
import { runService } from "../../runtime/service.ts";
import { SETTINGS } from "./config.ts";
import { METRICS } from "./metrics.ts";
import { startSink } from "./sink.ts";
import { STAGE } from "./slice.ts";

await runService({ name: STAGE, settings: SETTINGS, metrics: METRICS, start: startSink });
