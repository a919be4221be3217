/** What the load tests ask the platform's Prometheus: `deno task dashboards` writes it down. Pure. */

/** Stands for a span of the run, as PromQL writes it. */
export const WINDOW = "{window}";

/** PromQL by what it tells. */
export interface PlatformQueries {
  /** How far each consumer group is behind. */
  seconds_behind: string;
  /** Ticks that Kafka has confirmed, a second, over the window. */
  ticks_per_s: string;
  /** From ingest to row, of the slowest 1 % over the window. */
  event_to_row_p99: string;
  /** By how much of itself each service's memory grows an hour, as the window had it. */
  memory_growth: string;
}
